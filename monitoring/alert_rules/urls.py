from django.urls import path

from monitoring.alert_rules.api import (
    DefaultRulesView,
    EndWindowView,
    PreviewView,
    RulesView,
    RuleView,
    WindowsView,
    WindowView,
)

urlpatterns = [
    path("alert-rules/", RulesView.as_view()),
    # Before the rules: a name would match them too.
    path("alert-rules/preview/", PreviewView.as_view()),
    path("alert-rules/defaults/", DefaultRulesView.as_view()),
    path("alert-rules/<slug:rule>/", RuleView.as_view()),
    path("maintenance-windows/", WindowsView.as_view()),
    path("maintenance-windows/<uuid:window>/", WindowView.as_view()),
    path("maintenance-windows/<uuid:window>/end/", EndWindowView.as_view()),
]
