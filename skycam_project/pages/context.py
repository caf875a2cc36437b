"""The shell around every page: menu, cameras with glyph and age, alerts, clocks, theme. The menu is the side bar with
its groups, the tabs of a phone, and the list of keys. It hides pages of optional subjects that this station does not
use: a station without sensors has no readings. Nothing else depends on it: each page stays at its address."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from cameras.live.presets import Preset
from cameras.live.service import station_presets
from cameras.models import Camera
from captures.models import Archive, Experiment
from captures.pages.camera.cards import Card, brief_cards_for
from core.events.models import Alert
from core.registry import resolve
from core.resources.pages import heading_of
from core.restored_copy import copied_from, pause_sentence
from core.station_settings import live_streaming_config, station_name
from core.station_zone import station_zone
from monitoring.models import Sensor, Webhook
from monitoring.pages import open_alerts
from monitoring.sensor_management.selectors import SiteTemperature, site_temperature
from scheduler.telescope.field_lists.models import FieldList
from skycam_project.pages.preferences import CLOCKS, THEMES, preferences
from skycam_project.resources import RESOURCES, WITH_PAGES

SUBJECTS: Mapping[str, tuple[QuerySet[Any], ...]] = {
    "telescope": (FieldList.objects.all(), Camera.objects.filter(kind="telescope")),
    "experiments": (Experiment.objects.all(),),
    "archives": (Archive.objects.all(),),
    "sensors": (Sensor.objects.all(),),
    "webhooks": (Webhook.objects.all(),),
}
"""Subject -> the rows of which it has at least one where it is used."""
# A page's first row shows the page in the menu within this time.
CACHE_S = 30.0

# Replaced as a whole, so it needs no lock: at worst two threads read the rows at the same time.
_cache: tuple[float, frozenset[str]] | None = None


def used_subjects() -> frozenset[str]:
    """Those of SUBJECTS that have rows, read with one query at most once in CACHE_S."""
    global _cache
    if _cache is None or time.monotonic() - _cache[0] >= CACHE_S:
        _cache = (time.monotonic(), _read())
    return _cache[1]


def clear_cache() -> None:
    """Read the rows again at the next use."""
    global _cache
    _cache = None


def _read() -> frozenset[str]:
    columns, values = [], []
    for rows in SUBJECTS.values():
        queries = [each.order_by().values("pk")[:1].query.sql_with_params() for each in rows]
        columns.append(" OR ".join(f"EXISTS ({sql})" for sql, _ in queries))
        values += [value for _, params in queries for value in params]
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {', '.join(columns)}", values)
        found = cursor.fetchone()
    return frozenset(subject for subject, is_used in zip(SUBJECTS, found, strict=True) if is_used)


@dataclass(frozen=True, slots=True)
class MenuEntry:
    """A page in the side bar. `key`: the key after g that opens it, if it has one; `phone`: a tab on phones, where More
    lists all; `subject`: hidden while the station does not use this one of SUBJECTS."""

    name: str
    label: str
    glyph: str
    key: str
    role: str = "viewer"
    phone: bool = False
    subject: str = ""

    @property
    def address(self) -> str:
        return reverse(self.name)

    def has(self, path: str) -> bool:
        """Whether that is its address, or that of a page below it. All pages are below the dashboard's."""
        return path == self.address or (self.name != "dashboard" and path.startswith(self.address))


OWN: Mapping[str, tuple[MenuEntry, ...]] = {
    "Now": (
        MenuEntry("dashboard", "Dashboard", "dash", "d", phone=True),
        MenuEntry("tonight", "Tonight", "moon", "t", phone=True),
    ),
    "Pictures": (
        MenuEntry("gallery", "Gallery", "image", "p", phone=True),
        MenuEntry("clips", "Recordings", "rec", "r", phone=True),
    ),
    "Nights": (
        MenuEntry("nights", "Nights", "cal", "a"),
        MenuEntry("schedules", "Schedules", "plan", "h"),
        MenuEntry("sessions", "Sessions", "wall", "n"),
        MenuEntry("field-lists", "Telescope", "moon", "y", subject="telescope"),
    ),
    "Laboratory": (
        MenuEntry("experiments", "Experiments", "flask", "x", subject="experiments"),
        MenuEntry("archives", "Archives", "seal", "b", subject="archives"),
        MenuEntry("readings", "Readings", "therm", "i", subject="sensors"),
        MenuEntry("sensors", "Sensors", "therm", "m", subject="sensors"),
    ),
    "Storage": (
        MenuEntry("storage", "Storage", "disk", "k"),
        MenuEntry("admin:index", "Archive admin", "box", "v", role="manager"),
    ),
    "Alerts": (
        MenuEntry("alerts", "Alerts", "warn", "l"),
        MenuEntry("events", "Events", "list", "e"),
        MenuEntry("notifications", "Notifications", "bell", "f", role="manager"),
        MenuEntry("webhooks", "Web-hooks", "bell", "w", role="manager", subject="webhooks"),
    ),
    "Station": (
        MenuEntry("status", "Status", "pulse", "s"),
        MenuEntry("hosts", "Hosts", "host", "j"),
        MenuEntry("cameras", "Cameras", "cam", "c", role="manager"),
        MenuEntry("users", "Users", "user", "u", role="manager"),
        MenuEntry("station-settings", "Settings", "sliders", "o", role="manager"),
    ),
}
"""Pages that were written by hand, by groups in the order of the side bar."""


def derived_entry(name: str) -> MenuEntry:
    """The list of a resource."""
    resource = resolve(RESOURCES[name])
    return MenuEntry(name, heading_of(resource), "list", "", resource.operation("list").role)


MENU: Mapping[str, tuple[MenuEntry, ...]] = {
    label: (*entries, *(derived_entry(name) for name, group in WITH_PAGES.items() if group == label))
    for label, entries in OWN.items()
}
"""All pages by groups."""
PAGES = tuple(entry for entries in MENU.values() for entry in entries)


@dataclass(frozen=True, slots=True)
class MenuGroup:
    """A group of the side bar as it is rendered. `key` names it in the cookie of the groups that the reader opened."""

    key: str
    label: str
    pages: list[MenuEntry]
    is_open: bool


class Menu:
    """Of one request. `pages`: those that its user may open."""

    def __init__(self, request: HttpRequest, pages: list[MenuEntry]) -> None:
        self._request, self.pages = request, pages

    @cached_property
    def groups(self) -> list[MenuGroup]:
        """The side bar: what the reader opened before, and the group of this page, are open."""
        opened = self._request.COOKIES.get("groups", "").split(".")
        shown = {entry.name for entry in self.pages} - {entry.name for entry in self.unused}
        found = []
        for label, entries in MENU.items():
            pages = [entry for entry in entries if entry.name in shown]
            if pages:
                found.append(MenuGroup(label.lower(), label, pages, label.lower() in opened or self.section in pages))
        if self.unused:
            found.append(MenuGroup("all", "Show all", self.unused, "all" in opened))
        return found

    @cached_property
    def unused(self) -> list[MenuEntry]:
        """The pages of subjects that this station does not use, except the one that is open."""
        used = {"", *used_subjects()}
        return [entry for entry in self.pages if entry.subject not in used and entry != self.section]

    @cached_property
    def section(self) -> MenuEntry | None:
        """The page of the menu to which this page belongs by its address, if any."""
        found = [entry for entry in self.pages if entry.has(self._request.path)]
        return max(found, key=lambda entry: len(entry.address), default=None)

    @property
    def current_page(self) -> str:
        match = self._request.resolver_match
        return match.view_name if match else ""

    @property
    def is_outside_tabs(self) -> bool:
        """Whether the page has no tab on phones."""
        return self.current_page not in {entry.name for entry in PAGES if entry.phone}


class Shell:
    """Its properties are evaluated by templates only, so that responses without a page cost nothing."""

    def __init__(self, request: HttpRequest) -> None:
        self.request = request
        self.themes, self.clocks = THEMES, CLOCKS
        self.chosen = preferences(request)

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

    @cached_property
    def qualities(self) -> dict[str, Preset]:
        """The presets of live view, as this station is configured."""
        return station_presets()

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
