from django.urls import path

from monitoring.alert_rules.api import (
    DefaultRulesView,
    PreviewView,
    RulesView,
    RuleView,
)

urlpatterns = [
    path("alert-rules/", RulesView.as_view()),
    # Before the rules: a name would match them too.
    path("alert-rules/preview/", PreviewView.as_view()),
    path("alert-rules/defaults/", DefaultRulesView.as_view()),
    path("alert-rules/<slug:rule>/", RuleView.as_view()),
]
