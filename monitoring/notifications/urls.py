from django.urls import path

from monitoring.notifications.api import (
    ChannelsView,
    ChannelTestView,
    ChannelView,
    NotificationsView,
    RoutesView,
    RouteView,
)

urlpatterns = [
    path("", NotificationsView.as_view()),
    path("channels/", ChannelsView.as_view()),
    path("channels/<uuid:channel>/", ChannelView.as_view()),
    path("channels/<uuid:channel>/test/", ChannelTestView.as_view()),
    path("routes/", RoutesView.as_view()),
    path("routes/<uuid:route>/", RouteView.as_view()),
]
