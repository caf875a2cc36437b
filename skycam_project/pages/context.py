"""The shell around every page: menu, cameras with glyph and age, alerts, clocks, theme."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone

from cameras.live.presets import Preset
from cameras.live.service import station_presets
from captures.pages.camera.cards import Card, brief_cards_for
from core.events.models import Alert
from core.restored_copy import copied_from, pause_sentence
from core.station_settings import live_streaming_config, station_name
from core.station_zone import station_zone
from monitoring.pages import open_alerts
from monitoring.sensor_management.selectors import SiteTemperature, site_temperature
from skycam_project.pages.menu import PAGES, Menu
from skycam_project.pages.preferences import CLOCKS, THEMES, preference


class Shell:
    """Its properties are evaluated by templates only, so that responses without a page cost nothing."""

    def __init__(self, request: HttpRequest) -> None:
        self.request = request
        self.themes, self.clocks = THEMES, CLOCKS

    @property
    def paused_copy(self) -> str:
        """Why the station is paused, for those who may see more than the sign-in; empty if it is not."""
        copied = copied_from(settings.STATION.data) if self.can_view else None
        return pause_sentence(copied) if copied is not None else ""

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

    @cached_property
    def menu(self) -> Menu:
        return Menu(self.request, [entry for entry in PAGES if self.can_view and self.user.may(entry.role)])

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
    return {"shell": shell_of(request)}


def shell_of(request: HttpRequest) -> Shell:
    """One for each request, so that a page and its frame read the cameras once."""
    found: Shell = vars(request).setdefault("_shell", Shell(request))
    return found
