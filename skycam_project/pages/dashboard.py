"""The dashboard: every camera, the newest captures, recent events, the sensors, and the temperatures of cameras and
sensors."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse

from cameras.camera_display import camera_displays, summary
from cameras.selectors import cameras_for
from captures.capturing.selectors import captures_for
from captures.experiments.selectors import experiments_for
from captures.pages.camera.cards import TemperatureSeries, cards_for, temperatures
from captures.pages.experiments.pages import displays_for
from core.events.selectors import feed
from core.pages import Page
from monitoring.readings.services import sensor_temperatures
from monitoring.sensor_management.selectors import dashboard_channels

RECENT = 12
EVENTS = 14
EXPERIMENTS = 3


class DashboardPage(Page):
    template = "dashboard.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.render(dashboard_context(request.user))


class DashboardNow(Page):
    """The parts of the dashboard that refresh themselves."""

    template = "_dashboard_now.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.render(dashboard_context(request.user))


class ShellNow(Page):
    """The parts of the shell that refresh themselves on every page."""

    template = "_shell_now.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.render({})


class TemperaturePage(Page):
    """The data of the temperature chart, as JSON: of the cameras, and of sensors beside them."""

    def get(self, request: HttpRequest) -> HttpResponse:
        cameras = temperatures(camera_displays(cameras_for(request.user)))
        sensors = [
            TemperatureSeries(name=name, points=points) for name, points in sensor_temperatures().items() if points
        ]
        return JsonResponse({"series": [*cameras, *sensors]})


def dashboard_context(user: Any) -> dict[str, Any]:
    cards = cards_for(user)
    running = list(experiments_for(user).filter(state="running").order_by("-started_at", "-id")[: EXPERIMENTS + 1])
    return {
        "running": displays_for(user, running[:EXPERIMENTS]) if running else [],
        "more_running": len(running) > EXPERIMENTS,
        "cards": cards,
        "summary": summary(card.display for card in cards),
        "recent": list(captures_for(user).filter(status="saved")[:RECENT]),
        "lines": feed(user, EVENTS),
        "channels": dashboard_channels(user),
    }
