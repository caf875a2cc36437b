"""`GET /metrics` of the web part, for Prometheus."""

from __future__ import annotations

from django.http import HttpResponse
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
