"""The page of the storage, with the roots of each host."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from cameras.camera_display import StateDisplay
from cameras.spool.storage import RootMissing
from captures.pages.storage.labels import NEW_FILES, class_rules
from captures.pages.storage.offsite_pages import destination_displays
from captures.pages.storage.usage import history_for
from captures.recordings.clips.deletion import open_root
from captures.roots.models import StorageRoot
from captures.storage.usage.bodies import FORECAST_DAYS, Forecast, forecast
from captures.storage.usage.models import RootSpace
from core.events.models import Alert
from core.events.selectors import alerts_for
from core.pages.page import Page
from core.station_settings import camera_config


class StoragePage(Page):
    template = "storage/storage.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        user: Any = request.user
        context = {
            "roots": root_displays(request.user),
            "destinations": destination_displays() if user.may("manager") else [],
            "usage": history_for(request.user),
            "rules": class_rules(),
            "host": settings.STATION.host,
        }
        return self.render(context)


class StorageNow(Page):
    """The destinations, which change by themselves. Not the roots: a disk that hangs would hold up each request. The
    page asks each 15 s: to count a backlog of 200,000 files takes a tenth of a second."""

    roles = {"GET": "manager"}
    template = "storage/_storage_now.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.render({"destinations": destination_displays()})


GB = 1e9
SOON_DAYS = 7
"""A forecast of fewer days is a warning."""
MEASURED_WITHIN = timedelta(hours=3)
"""A host measures each hour. Without a measurement for this long, what it says of another host is old."""
UNMOUNTED = "unmounted"
ALERTS = {UNMOUNTED, "failed", "vanished", "soft_floor", "last_floor"}
"""The kinds of alerts whose keys name a root: `storage.<kind>:<root>`."""


@dataclass(frozen=True, slots=True)
class RootDisplay:
    root: StorageRoot
    state: StateDisplay
    space: RootSpace | None
    """As last measured."""
    forecast: Forecast
    soft_floor_bytes: int
    alerts: list[Alert]

    @property
    def classes(self) -> str:
        names = sorted(one.storage_class for one in self.root.assignments.all())
        return ", ".join(NEW_FILES.get(name, name) for name in names)

    @property
    def full_on(self) -> date | None:
        """The day on which the soft floor is reached."""
        if self.forecast.days_left is None:
            return None
        return timezone.localdate() + timedelta(days=int(self.forecast.days_left))

    @property
    def needs(self) -> str:
        """What a forecast lacks; empty when there is one."""
        found = self.forecast
        unknown = found.days_left is None and found.bytes_per_day is None
        return found.sentence.removeprefix("Unknown: ").capitalize() if unknown else ""

    @property
    def is_soon(self) -> bool:
        return self.forecast.days_left is not None and self.forecast.days_left < SOON_DAYS

    @property
    def is_below_floor(self) -> bool:
        return self.space is not None and self.space.free_bytes < self.soft_floor_bytes

    @property
    def row_class(self) -> str:
        if self.state.tone == "bad":
            return "is-bad"
        return "is-warn" if self.state.tone == "warn" or self.is_soon or self.is_below_floor else ""


def root_displays(user: Any) -> list[RootDisplay]:
    """In a constant number of queries."""
    roots = list(StorageRoot.objects.prefetch_related("assignments").order_by("host", "path"))
    spaces, alerts = _spaces(roots), _alerts(user)
    floor = int(camera_config().soft_floor_gb * GB)
    return [
        RootDisplay(
            root=root,
            state=state_of(root, spaces[root.pk][-1] if spaces[root.pk] else None, alerts[str(root.pk)]),
            space=spaces[root.pk][-1] if spaces[root.pk] else None,
            forecast=_forecast(spaces[root.pk], floor),
            soft_floor_bytes=floor,
            alerts=alerts[str(root.pk)],
        )
        for root in roots
    ]


def _spaces(roots: Iterable[StorageRoot]) -> dict[UUID, list[RootSpace]]:
    """The measurements of each root, oldest first: enough for a forecast that was made lately."""
    found: dict[UUID, list[RootSpace]] = defaultdict(list)
    # A host that was away has older measurements: twice the time of a forecast.
    today = timezone.now().date()
    days = (today - timedelta(days=2 * FORECAST_DAYS), today)
    for space in RootSpace.objects.filter(root__in=list(roots), day__range=days).order_by("day"):
        found[space.root_id].append(space)
    return found


def _forecast(spaces: list[RootSpace], floor: int) -> Forecast:
    if not spaces:
        return Forecast(None, None, "Unknown: the disk was not measured yet.")
    since = spaces[-1].day - timedelta(days=FORECAST_DAYS)
    return forecast([(space.day, space.free_bytes) for space in spaces if space.day >= since], floor)


def _alerts(user: Any) -> dict[str, list[Alert]]:
    """Root -> its open alerts."""
    found: dict[str, list[Alert]] = defaultdict(list)
    for alert in alerts_for(user).filter(state=Alert.State.OPEN, key__startswith="storage."):
        if kind_of(alert) in ALERTS:
            found[alert.key.partition(":")[2]].append(alert)
    return found


def kind_of(alert: Alert) -> str:
    return alert.key.partition(":")[0].removeprefix("storage.")


def state_of(root: StorageRoot, space: RootSpace | None, alerts: list[Alert]) -> StateDisplay:
    """What is known of the root's disk: by itself on this host, else by the alerts and measurements of its host."""
    if root.host == settings.STATION.host:
        return _local_state(root)
    if any(kind_of(alert) == UNMOUNTED for alert in alerts):
        return StateDisplay("bad", "Not mounted", "bad")
    if space is None or timezone.now() - space.measured_at > MEASURED_WITHIN:
        return StateDisplay("stale", "Unknown", "warn")
    return StateDisplay("ok", "Mounted", "ok")


def _local_state(root: StorageRoot) -> StateDisplay:
    try:
        with open_root(root) as files:
            read_only = files.read_only()
    except RootMissing:
        return StateDisplay("bad", "Not mounted", "bad")
    except OSError as error:
        return StateDisplay("bad", f"Cannot be read: {error.strerror}", "bad")
    if read_only:
        return StateDisplay("bad", "Read-only", "bad")
    if root.exhausted:
        return StateDisplay("warn", "Full", "warn")
    return StateDisplay("ok", "Mounted", "ok")
