from django.urls import path

from monitoring.event_search import EventsCsvView, EventsJsonLinesView, EventsView
from monitoring.notifications.api import SilenceAlertView

urlpatterns = [
    path("events/", EventsView.as_view()),
    path("events/csv/", EventsCsvView.as_view()),
    path("events/jsonl/", EventsJsonLinesView.as_view()),
    path("alerts/<uuid:alert>/silence/", SilenceAlertView.as_view()),
]
