from django.urls import path

from cameras.api import (
    AcquireLeaseView,
    ConnectView,
    DiscoverView,
    FaultsView,
    ReleaseLeaseView,
    StatusView,
    ViewersView,
    ViewerView,
)
from cameras.live.api import FrameView, StreamView
from cameras.settings.api import (
    AdoptView,
    ApplyPresetView,
    CapabilitiesView,
    ComparePresetView,
    PresetsView,
    PresetView,
    SettingsView,
)

urlpatterns = [
    # `check_slug` keeps this id free.
    path("detect/", DiscoverView.as_view()),
    path("<slug:slug>/connect/", ConnectView.as_view()),
    path("<slug:slug>/disconnect/", ConnectView.as_view(connected=False)),
    path("<slug:slug>/take/", AcquireLeaseView.as_view()),
    path("<slug:slug>/release/", ReleaseLeaseView.as_view()),
    path("<slug:slug>/status/", StatusView.as_view()),
    path("<slug:slug>/settings/", SettingsView.as_view()),
    path("<slug:slug>/settings/adopt/", AdoptView.as_view()),
    path("<slug:slug>/presets/", PresetsView.as_view()),
    path("<slug:slug>/presets/<str:name>/", PresetView.as_view()),
    path("<slug:slug>/presets/<str:name>/apply/", ApplyPresetView.as_view()),
    path("<slug:slug>/presets/<str:name>/compare/", ComparePresetView.as_view()),
    path("<slug:slug>/capabilities/", CapabilitiesView.as_view()),
    path("<slug:slug>/faults/", FaultsView.as_view()),
    path("<slug:slug>/frame.jpg", FrameView.as_view()),
    path("<slug:slug>/stream.mjpeg", StreamView.as_view()),
]

viewers = [
    path("", ViewersView.as_view()),
    path("<uuid:viewer>/", ViewerView.as_view()),
]

primary = [
    path("connect/", ConnectView.as_view()),
    path("disconnect/", ConnectView.as_view(connected=False)),
    path("status/", StatusView.as_view()),
]
"""The seed's routes, of the primary camera."""
