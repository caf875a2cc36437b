from django.urls import path

from cameras.api import (
    CameraDetailView,
    CamerasView,
    CapabilitiesView,
    ConnectView,
    DetectView,
    FaultsView,
    FrameView,
    SettingsView,
    StatusView,
    StreamView,
)

urlpatterns = [
    path("", CamerasView.as_view()),
    path("detect/", DetectView.as_view()),
    path("<slug:slug>/", CameraDetailView.as_view()),
    path("<slug:slug>/connect/", ConnectView.as_view()),
    path("<slug:slug>/disconnect/", ConnectView.as_view(connected=False)),
    path("<slug:slug>/status/", StatusView.as_view()),
    path("<slug:slug>/settings/", SettingsView.as_view()),
    path("<slug:slug>/capabilities/", CapabilitiesView.as_view()),
    path("<slug:slug>/faults/", FaultsView.as_view()),
    path("<slug:slug>/frame.jpg", FrameView.as_view()),
    path("<slug:slug>/stream.mjpeg", StreamView.as_view()),
]

primary = [
    path("connect/", ConnectView.as_view()),
    path("disconnect/", ConnectView.as_view(connected=False)),
    path("status/", StatusView.as_view()),
]
"""The seed's routes, of the primary camera."""
