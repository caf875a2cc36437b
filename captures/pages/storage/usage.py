"""The usage of the last days as curves and tables."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, NamedTuple

from django.utils import timezone

from cameras.selectors import visible_cameras
from captures.curves import Curve, Scale, line_of
from captures.pages.storage.labels import CLASS_LABELS
from captures.storage.stored_files.classes import FileClass
from captures.storage.usage.bodies import UsageBody, usage_history
from captures.storage.usage.measuring import ON_DISK
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
