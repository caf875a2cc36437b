from django.urls import path

from monitoring.alert_rules.api import DefaultRulesView, PreviewView

urlpatterns = [
    path("preview/", PreviewView.as_view()),
    path("defaults/", DefaultRulesView.as_view()),
]
