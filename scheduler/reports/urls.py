from django.urls import path

from scheduler.reports.api import NightsView, ReportView

urlpatterns = [
    path("", NightsView.as_view()),
    path("<str:night>/", ReportView.as_view()),
]
