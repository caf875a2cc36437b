"""The page of the storage: the roots of each host, and the usage of the last days as curves and tables."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from cameras.camera_display import StateDisplay
from cameras.selectors import visible_cameras
from cameras.spool.storage import RootMissing
from captures.curves import Curve, Scale, line_of
from captures.pages.storage.display import CLASS_LABELS, NEW_FILES, class_rules
from captures.pages.storage.offsite_pages import destination_displays
from captures.recordings.clips.services import open_root
from captures.roots.models import StorageRoot
from captures.storage.file_classes import FileClass
from captures.storage.usage.measurements import FORECAST_DAYS, ON_DISK, Forecast, UsageBody, forecast, usage_history
from captures.storage.usage.models import RootSpace
from core.events.models import Alert
from core.events.selectors import alerts_for
from core.pages import Page
from core.station_settings import camera_config
from core.templatetags.skycam import format_bytes

DAYS = 30
MOST_CAMERAS = 8
"""Curves of cameras: the largest ones. The table has all."""
OTHER_CAMERAS = "Other cameras"
NO_CAMERA = "Without a camera"
WALKED = {*ON_DISK, FileClass.LOG}
"""Classes that are counted on the disk, each at its own time. The others are measured together."""


class Place(NamedTuple):
    """What is measured as one number. `camera` is empty for files of none."""

    host: str
    root: str
    file_class: str
    camera: str
    other_cameras: bool


class Amount(NamedTuple):
    files: int
    bytes: int
    day: str
    """When it was measured."""


Usage = dict[Place, Amount]


class UsageRow(NamedTuple):
    """Files of a class of one camera on all hosts."""

    label: str
    camera: str
    files: int
    bytes: int
    measured: str


class ClassRow(NamedTuple):
    label: str
    files: int
    bytes: int
    percent: float
    """Of all files."""


class DayRow(NamedTuple):
    day: str
    cells: list[str]


@dataclass(frozen=True, slots=True)
class History:
    """What was stored on each day, oldest first, and today."""

    days: list[tuple[date, Usage]]
    names: dict[str, str]
    """Camera -> its name."""

    @property
    def now(self) -> Usage:
        return self.days[-1][1] if self.days else {}

    @property
    def total(self) -> int:
        return sum(amount.bytes for amount in self.now.values())

    @property
    def curves_by_class(self) -> list[Curve]:
        return [*_curves(["All files"], [self._sum_of_all()], self._span), *self._drawn(self.classes, self._by_class)]

    @property
    def curves_by_camera(self) -> list[Curve]:
        return self._drawn(self.cameras[:MOST_CAMERAS], self._by_camera)

    @property
    def classes(self) -> list[str]:
        """The labels of what had files on one of the days, the largest of today first."""
        return self._named(self._by_class)

    @property
    def cameras(self) -> list[str]:
        return self._named(self._by_camera)

    @property
    def class_rows(self) -> list[ClassRow]:
        files: dict[str, int] = defaultdict(int)
        for place, amount in self.now.items():
            files[_label(place)] += amount.files
        sizes = self._by_class(self.now)
        return [
            ClassRow(name, files[name], sizes[name], 100 * sizes[name] / max(1, self.total)) for name in self.classes
        ]

    @property
    def rows(self) -> list[UsageRow]:
        """By class and camera, the largest first."""
        sums: dict[tuple[str, str], list[Amount]] = defaultdict(list)
        for place, amount in self.now.items():
            sums[_label(place), self._camera(place)].append(amount)
        rows = [
            UsageRow(label, camera, sum(one.files for one in found), sum(one.bytes for one in found),
                     min(one.day for one in found))
            for (label, camera), found in sums.items()
        ]  # fmt: skip
        return sorted(rows, key=lambda row: (-row.bytes, row.label, row.camera))

    @property
    def day_rows(self) -> list[DayRow]:
        """The twin of the curves: the bytes of each class on each day, newest first."""
        found = [(day, self._by_class(usage)) for day, usage in reversed(self.days)]
        return [
            DayRow(day.isoformat(), [format_bytes(sizes.get(name)) for name in self.classes]) for day, sizes in found
        ]

    @property
    def camera_day_rows(self) -> list[DayRow]:
        found = [(day, self._by_camera(usage)) for day, usage in reversed(self.days)]
        return [
            DayRow(day.isoformat(), [format_bytes(sizes.get(name)) for name in self.cameras]) for day, sizes in found
        ]

    @property
    def _span(self) -> tuple[datetime, datetime]:
        last = self.days[-1][0]
        return _midnight(last - timedelta(days=DAYS - 1)), _midnight(last)

    def _named(self, sizes_of: Callable[[Usage], dict[str, int]]) -> list[str]:
        now = sizes_of(self.now)
        names = {name for _, usage in self.days for name in sizes_of(usage)}
        return sorted(names, key=lambda name: (-now.get(name, 0), name))

    def _drawn(self, names: list[str], sizes_of: Callable[[Usage], dict[str, int]]) -> list[Curve]:
        series = [[(day, sizes_of(usage).get(name, 0)) for day, usage in self.days] for name in names]
        return _curves(names, series, self._span)

    def _sum_of_all(self) -> list[tuple[date, int]]:
        return [(day, sum(amount.bytes for amount in usage.values())) for day, usage in self.days]

    def _by_class(self, usage: Usage) -> dict[str, int]:
        sizes: dict[str, int] = defaultdict(int)
        for place, amount in usage.items():
            sizes[_label(place)] += amount.bytes
        return sizes

    def _by_camera(self, usage: Usage) -> dict[str, int]:
        sizes: dict[str, int] = defaultdict(int)
        for place, amount in usage.items():
            sizes[self._camera(place)] += amount.bytes
        return sizes

    def _camera(self, place: Place) -> str:
        if place.other_cameras:
            return OTHER_CAMERAS
        return self.names.get(place.camera, place.camera) or NO_CAMERA


def history_for(user: Any) -> History:
    """The usage of the last DAYS days that the user may see."""
    cameras = visible_cameras(user)
    same = Counter({camera.slug: camera.name for camera in cameras}.values())
    names = {
        camera.slug: camera.name if same[camera.name] == 1 else f"{camera.name} ({camera.slug})" for camera in cameras
    }
    return History(filled(usage_history(user, DAYS), timezone.now().date()), names)


def filled(bodies: Iterable[UsageBody], today: date) -> list[tuple[date, Usage]]:
    """The usage of each day since the first measurement. A host that did not measure on a day still stores what it
    stored before."""
    by_day: dict[str, Usage] = defaultdict(dict)
    for body in bodies:
        place = Place(body.host, body.root or "", body.class_, body.camera or "", body.other_cameras)
        by_day[body.day][place] = Amount(body.files, body.bytes, body.day)
    if not by_day:
        return []
    first = date.fromisoformat(min(by_day))
    days: list[tuple[date, Usage]] = []
    usage: Usage = {}
    for number in range((max(today, first) - first).days + 1):
        day = first + timedelta(days=number)
        measured = by_day.get(day.isoformat(), {})
        together = {_measured_with(place) for place in measured}
        usage = {place: one for place, one in usage.items() if _measured_with(place) not in together} | measured
        days.append((day, usage))
    return days


def _measured_with(place: Place) -> tuple[str, ...]:
    """Places with the same value are measured at once: one that is missing then has no files any more."""
    return (place.host, place.root, place.file_class) if place.file_class in WALKED else (place.host,)


def _label(place: Place) -> str:
    return CLASS_LABELS.get(place.file_class, place.file_class)


def _curves(
    names: list[str], series: list[list[tuple[date, int]]], span: tuple[datetime, datetime]
) -> list[Curve]:  # fmt: skip
    begin, end = span
    curves = []
    for name, points in zip(names, series, strict=True):
        highest = max(1, *(value for _, value in points))
        samples = [(_midnight(day), float(value)) for day, value in points]
        line = line_of("used", samples, begin, end, Scale(0.0, float(highest)))
        curves.append(Curve(name, [line], format_bytes(highest), "0", format_bytes(points[-1][1])))
    return curves


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, UTC)


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
