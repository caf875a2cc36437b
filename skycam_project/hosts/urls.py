from django.urls import path

from skycam_project.hosts.api import (
    DrainView,
    HostsView,
    HostView,
    JoinView,
    RetireView,
    UndrainView,
)

urlpatterns = [
    # Before the hosts: a name would match these too.
    path("join/", JoinView.as_view()),
    path("", HostsView.as_view()),
    path("<slug:name>/", HostView.as_view()),
    path("<slug:name>/drain/", DrainView.as_view()),
    path("<slug:name>/undrain/", UndrainView.as_view()),
    path("<slug:name>/retire/", RetireView.as_view()),
]
