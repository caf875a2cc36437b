"""The shell around every page: menu, cameras with glyph and age, alerts, clocks, theme."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.http import HttpRequest
from django.utils import timezone

from cameras.live.presets import Preset
from cameras.live.service import station_presets
from captures.camera_pages.cards import Card, brief_cards_for
from core.station_settings.values import live_streaming_config, station_name
from core.station_zone import station_zone
from monitoring.models import Alert
from monitoring.pages import open_alerts
from monitoring.sensor_management.selectors import SiteTemperature, site_temperature
from skycam_project.pages.preferences import CLOCKS, THEMES, preference


@dataclass(frozen=True, slots=True)
class MenuEntry:
    """A page in the side bar. `key`: the key after g that opens it; `phone`: a tab on phones, where More lists all."""

    name: str
    label: str
    glyph: str
    key: str
    role: str = "viewer"
    phone: bool = True


PAGES = (
    MenuEntry("dashboard", "Dashboard", "dash", "d"),
    MenuEntry("gallery", "Gallery", "image", "p"),
    MenuEntry("clips", "Recordings", "rec", "r"),
    MenuEntry("tonight", "Tonight", "moon", "t", phone=False),
    MenuEntry("nights", "Nights", "cal", "a", phone=False),
    MenuEntry("schedules", "Schedules", "plan", "h", phone=False),
    MenuEntry("field-lists", "Telescope", "moon", "y", phone=False),
    MenuEntry("sessions", "Sessions", "wall", "n", phone=False),
    MenuEntry("experiments", "Experiments", "flask", "x", phone=False),
    MenuEntry("archives", "Archives", "seal", "b", phone=False),
    MenuEntry("readings", "Readings", "therm", "i", phone=False),
    MenuEntry("sensors", "Sensors", "therm", "m", phone=False),
    MenuEntry("alerts", "Alerts", "warn", "l", phone=False),
    MenuEntry("events", "Events", "list", "e"),
    MenuEntry("storage", "Storage", "disk", "k", phone=False),
    MenuEntry("status", "Status", "pulse", "s", phone=False),
    MenuEntry("cameras", "Cameras", "cam", "c", role="manager", phone=False),
    MenuEntry("admin:index", "Archive admin", "box", "v", role="manager", phone=False),
    MenuEntry("notifications", "Notifications", "bell", "f", role="manager", phone=False),
    MenuEntry("webhooks", "Web-hooks", "bell", "w", role="manager", phone=False),
    MenuEntry("users", "Users", "user", "u", role="manager", phone=False),
    MenuEntry("station-settings", "Settings", "sliders", "o", role="manager", phone=False),
)
"""The pages, in the order of the side bar."""


class Shell:
    """Its properties are evaluated by templates only, so that responses without a page cost nothing."""

    def __init__(self, request: HttpRequest) -> None:
        self.request = request
        self.themes, self.clocks = THEMES, CLOCKS

    @property
    def station(self) -> str:
        return station_name()

    @property
    def title_suffix(self) -> str:
        """What follows a page's name in the title of its window: the station's name, if it has one of its own."""
        return "" if self.station == "Skycam" else f", {self.station}"

    @property
    def user(self) -> Any:
        return getattr(self.request, "user", None)

    @property
    def can_view(self) -> bool:
        return bool(self.user and self.user.is_authenticated and self.user.may("viewer"))

    @property
    def can_operate(self) -> bool:
        return self.can_view and bool(self.user.may("operator"))

    @property
    def can_manage(self) -> bool:
        return self.can_view and bool(self.user.may("manager"))

    @property
    def pages(self) -> list[MenuEntry]:
        return [entry for entry in PAGES if self.can_view and self.user.may(entry.role)]

    @property
    def current_page(self) -> str:
        match = self.request.resolver_match
        return match.view_name if match else ""

    @property
    def is_outside_tabs(self) -> bool:
        """Whether the page has no tab on phones."""
        return self.current_page not in {entry.name for entry in PAGES if entry.phone}

    @cached_property
    def cameras(self) -> list[Card]:
        # Side bar, tabs and names use one query.
        return brief_cards_for(self.user)

    @cached_property
    def site_temperature(self) -> SiteTemperature | None:
        """For cameras that report none."""
        return site_temperature() if self.can_view else None

    @cached_property
    def names(self) -> dict[str, str]:
        """Camera id -> display name, for the cameras that the reader may see."""
        return {str(card.camera.id): card.camera.name for card in self.cameras} if self.can_view else {}

    @cached_property
    def names_of_slugs(self) -> dict[str, str]:
        return {card.camera.slug: card.camera.name for card in self.cameras} if self.can_view else {}

    @cached_property
    def alerts(self) -> list[Alert]:
        return open_alerts(self.user)

    @property
    def theme(self) -> str:
        return preference(self.request, "theme")

    @property
    def brightness(self) -> str:
        """Brightness of pictures in the red theme, in per cent."""
        return preference(self.request, "brightness")

    @property
    def clock(self) -> str:
        return preference(self.request, "clock")

    @cached_property
    def qualities(self) -> dict[str, Preset]:
        """The presets of live view, as this station is configured."""
        return station_presets()

    @property
    def quality(self) -> str:
        """The quality of large live pictures that the reader has chosen; else the best."""
        return preference(self.request, "quality")

    @property
    def max_waiting_requests(self) -> int:
        """How many requests of a live picture may wait."""
        return int(live_streaming_config().frame_buffer_size)

    @property
    def now(self) -> Any:
        return timezone.now()

    @property
    def local_now(self) -> Any:
        return self.now.astimezone(station_zone())


def shell(request: HttpRequest) -> dict[str, Shell]:
    return {"shell": Shell(request)}
