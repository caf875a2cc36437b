"""The addresses of the API: /api/v1/, and the seed's /api/camera/."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, include, path

from cameras.urls import primary as primary_camera
from captures.urls import primary as primary_capture
from skycam_project.access.api import TokenView
from skycam_project.health import HealthView
from skycam_project.openapi import DocsView, SchemaView

version_1: list[URLPattern | URLResolver] = [
    path("auth/token/", TokenView.as_view()),
    path("health/", HealthView.as_view()),
    path("schema/", SchemaView.as_view(), name="schema"),
    path("docs/", DocsView.as_view()),
    path("", include("captures.urls")),
    path("cameras/", include("cameras.urls")),
    path("", include("monitoring.urls")),
]

urlpatterns = [
    path("v1/", include(version_1)),
    path("camera/", include(primary_camera)),
    path("camera/", include(primary_capture)),
]
