from django.urls import path

from core.resources.api import routes_of
from monitoring.alert_rules.api import DefaultRulesView, PreviewView
from monitoring.alert_rules.resource import RULES

urlpatterns = [
    # Before the rules: a name would match them too.
    path("alert-rules/preview/", PreviewView.as_view()),
    path("alert-rules/defaults/", DefaultRulesView.as_view()),
    *routes_of(RULES),
]
