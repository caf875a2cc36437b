from django.urls import path

from monitoring.readings.api import ReadingsCsvView, ReadingsView

urlpatterns = [
    path("", ReadingsView.as_view()),
    path("export/", ReadingsCsvView.as_view()),
]
