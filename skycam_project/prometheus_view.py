"""The metrics of the web part for Prometheus, at `/metrics` and in the API."""

from __future__ import annotations

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from rest_framework.request import Request
from rest_framework.views import APIView

from monitoring.metrics import metrics_for


class PrometheusView(APIView):
    """As `metrics/` of the API: a station has one web process on a host, so its counters are whole."""

    roles = {"GET": "viewer"}
    schema = None

    def get(self, request: Request) -> HttpResponse:
        return HttpResponse(generate_latest() + metrics_for(request.user), content_type=CONTENT_TYPE_LATEST)


class MetricsView(APIView):
    roles = {"GET": "viewer"}

    @extend_schema(responses={(200, "text/plain"): OpenApiTypes.STR})
    def get(self, request: Request) -> HttpResponse:
        """Counters of the web process that answers, and metrics of the cameras that you may see, for Prometheus."""
        return HttpResponse(generate_latest() + metrics_for(request.user), content_type=CONTENT_TYPE_LATEST)
