"""What every page shows around its own: pages, cameras with glyph and age, alerts, clocks, theme."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.http import HttpRequest
from django.utils import timezone

from cameras.live.presets import Preset
from cameras.live.service import station_presets
from captures.cards import Card, faces_for
from monitoring.models import Alert
from monitoring.pages import open_alerts
from monitoring.station_settings import live_streaming_config, station_name
from skycam_project.pages.preferences import CLOCKS, THEMES, preference, station_zone


@dataclass(frozen=True, slots=True)
class Entry:
    """A page in the side bar. `key` follows g on the keyboard; `phone` pages are tabs there; its More has all."""

    name: str
    label: str
    glyph: str
    key: str
    role: str = "viewer"
    phone: bool = True


PAGES = (
    Entry("dashboard", "Dashboard", "dash", "d"),
    Entry("gallery", "Gallery", "image", "p"),
    Entry("clips", "Recordings", "rec", "r"),
    Entry("sessions", "Sessions", "moon", "n", phone=False),
    Entry("events", "Events", "list", "e"),
    Entry("status", "Status", "pulse", "s", phone=False),
    Entry("cameras", "Cameras", "cam", "c", role="manager", phone=False),
    Entry("users", "Users", "user", "u", role="manager", phone=False),
    Entry("station-settings", "Settings", "sliders", "o", role="manager", phone=False),
)
"""Pages that exist, in the order of the side bar."""


class Shell:
    """Asked by templates alone, so that an answer without a page costs nothing."""

    def __init__(self, request: HttpRequest) -> None:
        self.request = request
        self.themes, self.clocks = THEMES, CLOCKS

    @property
    def station(self) -> str:
        return station_name()

    @property
    def user(self) -> Any:
        return getattr(self.request, "user", None)

    @property
    def looks(self) -> bool:
        return bool(self.user and self.user.is_authenticated and self.user.may("viewer"))

    @property
    def operates(self) -> bool:
        return self.looks and bool(self.user.may("operator"))

    @property
    def manages(self) -> bool:
        return self.looks and bool(self.user.may("manager"))

    @property
    def pages(self) -> list[Entry]:
        return [entry for entry in PAGES if self.looks and self.user.may(entry.role)]

    @property
    def here(self) -> str:
        match = self.request.resolver_match
        return match.view_name if match else ""

    @property
    def beyond_tabs(self) -> bool:
        """Whether the page is none of a phone's tabs."""
        return self.here not in {entry.name for entry in PAGES if entry.phone}

    @cached_property
    def cameras(self) -> list[Card]:
        return faces_for(self.user)

    @cached_property
    def names(self) -> dict[str, str]:
        """What people call the cameras, by id; of those that the reader may see."""
        return {card.camera.slug: card.camera.name for card in self.cameras} if self.looks else {}

    @cached_property
    def alerts(self) -> list[Alert]:
        return open_alerts(self.user)

    @property
    def theme(self) -> str:
        return preference(self.request, "theme")

    @property
    def brightness(self) -> str:
        """Of pictures in the red theme, in per cent."""
        return preference(self.request, "brightness")

    @property
    def clock(self) -> str:
        return preference(self.request, "clock")

    @cached_property
    def qualities(self) -> dict[str, Preset]:
        """Of live view, as this station is configured."""
        return station_presets()

    @property
    def quality(self) -> str:
        """Of large live pictures, as the reader has chosen; else the best."""
        return preference(self.request, "quality")

    @property
    def requests(self) -> int:
        """Most requests of a live picture that may wait."""
        return int(live_streaming_config().frame_buffer_size)

    @property
    def now(self) -> Any:
        return timezone.now()

    @property
    def local(self) -> Any:
        return self.now.astimezone(station_zone())


def shell(request: HttpRequest) -> dict[str, Shell]:
    return {"shell": Shell(request)}
