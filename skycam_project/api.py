"""The API's URLs: /api/v1/, and the seed's /api/camera/."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, include, path

from cameras.urls import primary as primary_camera
from cameras.urls import viewers
from captures.urls import primary as primary_capture
from core.registry import resolve
from core.resources.api import routes_of
from scheduler.tonight.api import TonightView
from skycam_project.access.api import TokenView
from skycam_project.backups.api import BackupsView
from skycam_project.health import HealthView
from skycam_project.metrics import MetricsView
from skycam_project.openapi import DocsView, SchemaView
from skycam_project.resources import RESOURCES
from skycam_project.settings_api import StationSettingsView

version_1: list[URLPattern | URLResolver] = [
    path("auth/token/", TokenView.as_view()),
    path("health/", HealthView.as_view()),
    path("settings/", StationSettingsView.as_view()),
    path("schema/", SchemaView.as_view(), name="schema"),
    path("docs/", DocsView.as_view()),
    path("", include("captures.urls")),
    path("cameras/", include("cameras.urls")),
    path("viewers/", include(viewers)),
    path("metrics/", MetricsView.as_view()),
    path("jobs/", include("core.jobs.api")),
    path("readings/", include("monitoring.readings.api")),
    path("sensors/", include("monitoring.sensor_management.api")),
    path("webhooks/", include("monitoring.webhooks.api")),
    path("telescope/field-lists/", include("scheduler.telescope.field_lists.api")),
    path("backups/", BackupsView.as_view()),
    path("tonight/", TonightView.as_view()),
    path("nights/", include("scheduler.reports.api")),
    path("alert-rules/", include("monitoring.alert_rules.api")),
    path("", include("monitoring.urls")),
    # Last: the name of a row could match the routes above.
    *(route for resource in RESOURCES.values() for route in routes_of(resolve(resource))),
    # After the invitations, which the name of a host would match.
    path("hosts/", include("skycam_project.hosts.api")),
]

urlpatterns = [
    path("v1/", include(version_1)),
    path("camera/", include(primary_camera)),
    path("camera/", include(primary_capture)),
]
