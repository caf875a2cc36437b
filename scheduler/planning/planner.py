"""The planner: a pure function of schedules, sites and the time. Of two schedules that want a camera at the same
time, the one with the higher priority has it; the other one keeps what is left of its windows."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import groupby

from core.sky.intervals import Interval, subtract
from scheduler.planning.rules import Change, FixedRun, Loser, NoWindow, Plan, RunPlan, ScheduleRule, Site
from scheduler.planning.sky import SkyOfSite
from scheduler.planning.windows import tidy, times_text, windows_of


@dataclass(frozen=True, slots=True)
class Owner:
    """What a piece of time belongs to: a night of a schedule, or a run that has begun."""

    schedule: str
    night: date | None
    name: str
    fixed: bool = False


@dataclass(frozen=True, slots=True)
class Piece:
    begin: datetime
    end: datetime
    owner: Owner


@dataclass(slots=True)
class CameraTimeline:
    """Pieces in their order, none of which overlap."""

    pieces: list[Piece] = field(default_factory=list)

    @classmethod
    def of_fixed(cls, runs: Iterable[FixedRun]) -> CameraTimeline:
        """Runs that have begun. Where two of them overlap, the one that began first has the time."""
        timeline = cls()
        for run in sorted((run for run in runs if run.windows), key=lambda run: (run.begin, run.end)):
            owner = Owner(run.schedule, run.night, run.name, fixed=True)
            timeline.add(timeline.free([(run.begin, run.free_from)]), owner)
        return timeline

    def overlapping(self, begin: datetime, end: datetime) -> list[Piece]:
        first = bisect_right(self.pieces, begin, key=lambda piece: piece.end)
        return self.pieces[first : bisect_left(self.pieces, end, key=lambda piece: piece.begin)]

    def free(self, windows: Sequence[Interval]) -> list[Interval]:
        """What no run has of `windows`."""
        return [
            left
            for begin, end in windows
            for left in subtract([(begin, end)], [(one.begin, one.end) for one in self.overlapping(begin, end)])
        ]

    def add(self, free: Iterable[Interval], owner: Owner) -> None:
        for begin, end in free:
            at = bisect_left(self.pieces, begin, key=lambda piece: piece.begin)
            self.pieces.insert(at, Piece(begin, end, owner))


DAY = timedelta(days=1)


def plan(
    schedules: Sequence[ScheduleRule],
    changes: Iterable[Change],
    site_of: Mapping[str, Site | None],
    first_night: date,
    last_night: date,
    now: datetime,
    fixed: Sequence[FixedRun] = (),
) -> Plan:
    """The runs of the nights from `first_night` to `last_night`, named by their evenings' dates.

    Each schedule, camera and night has at least one run or exactly one loser. Windows are whole seconds of UTC, at
    least a minute long, and none begins before `now` (aware). On a camera no window overlaps one of another run, and no
    run begins between the first and the last window of another, nor inside of a fixed run.

    `fixed` are the runs whose first window has begun, by the clock. Times of their schedule and night beyond their end
    become a new run. A camera that `site_of` lacks has no site. Of several changes of one night, the last one counts.
    """
    if now.tzinfo is None:
        raise ValueError("The time at which the plan is made needs a time zone.")
    cameras = dict.fromkeys(camera for schedule in schedules for camera in schedule.cameras)
    skies = _skies(site_of.get(camera) for camera in cameras)
    changed = {(change.schedule, change.camera, change.night): change for change in changes}
    whole, windows = Plan([], [], []), _KnownWindows()
    for camera in cameras:
        site = site_of.get(camera)
        own = [run for run in fixed if run.camera == camera]
        of_camera = _CameraPlanner(camera, site, skies.get(site), now, own, windows)
        used = sorted((one for one in schedules if camera in one.cameras), key=lambda one: (-one.priority, one.id))
        for schedule in used:
            for night in _nights(first_night, last_night):
                of_camera.plan_night(schedule, changed.get((schedule.id, camera, night)), night)
        whole.runs.extend(of_camera.runs({schedule.id: schedule for schedule in used}))
        whole.losers.extend(of_camera.losers)
        whole.shortened.extend(of_camera.shortened)
    whole.runs.sort(key=lambda run: (run.begin, run.camera))
    return whole


def _skies(sites: Iterable[Site | None]) -> dict[Site | None, SkyOfSite]:
    """One for each site, so that cameras of the same site compute its sky once."""
    return {
        site: SkyOfSite(site)
        for site in dict.fromkeys(sites)
        if site is not None and site.latitude is not None and site.longitude is not None
    }


def _nights(first: date, last: date) -> Iterator[date]:
    return (first + number * DAY for number in range((last - first).days + 1))


class _KnownWindows:
    """The windows of one plan, each computed once for all cameras of a site."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, Site | None, date], list[Interval] | NoWindow] = {}

    def of(
        self, schedule: ScheduleRule, change: Change | None, site: Site | None, sky: SkyOfSite | None, night: date
    ) -> list[Interval]:
        """As `windows_of`."""
        if change is not None:
            return windows_of(schedule, change, site, sky, night)
        key = (schedule.id, site, night)
        if key not in self._known:
            try:
                self._known[key] = windows_of(schedule, None, site, sky, night)
            except NoWindow as none:
                self._known[key] = none
        found = self._known[key]
        if isinstance(found, NoWindow):
            raise NoWindow(found.reason, found.message)
        return found


class _CameraPlanner:
    """Plans one camera. Nights must come in the order of the schedules' priority."""

    def __init__(
        self,
        camera: str,
        site: Site | None,
        sky: SkyOfSite | None,
        now: datetime,
        fixed: list[FixedRun],
        windows: _KnownWindows,
    ) -> None:
        self.windows = windows
        self.camera, self.site, self.sky, self.now, self.fixed = camera, site, sky, now.astimezone(UTC), fixed
        self.timeline = CameraTimeline.of_fixed(fixed)
        self.losers: list[Loser] = []
        self.shortened: list[Loser] = []

    def plan_night(self, schedule: ScheduleRule, change: Change | None, night: date) -> None:
        owner = Owner(schedule.id, night, schedule.name)
        try:
            windows = self.windows.of(schedule, change, self.site, self.sky, night)
            left, others = self._available(owner, windows)
        except NoWindow as none:
            self.losers.append(Loser(schedule.id, self.camera, night, none.reason, none.message))
            return
        self.timeline.add(left, owner)
        if others:
            self.shortened.append(Loser(schedule.id, self.camera, night, "lost", self._lost_text(others)))

    def _available(self, owner: Owner, windows: list[Interval]) -> tuple[list[Interval], list[Piece]]:
        """What is left of the windows, and the pieces of other runs that have the rest. NoWindow if nothing is."""
        ended = self._ended_of(owner)
        if ended and not (windows := subtract(windows, ended)):
            raise NoWindow("begun", "The run has ended.")
        coming = [(max(begin, self.now), end) for begin, end in windows if end > self.now]
        in_the_way = [piece for begin, end in coming for piece in self.timeline.overlapping(begin, end)]
        if left := tidy(self.timeline.free(coming)):
            return left, [piece for piece in in_the_way if not _is_of(piece, owner)]
        if any(_is_of(piece, owner) for piece in self._fixed_in(windows)):
            raise NoWindow("begun", "The run has begun.")
        if others := [piece for piece in in_the_way if not _is_of(piece, owner)]:
            raise NoWindow("lost", self._lost_text(others))
        if coming:
            raise NoWindow("too_short", "Less than a minute of the window is left.")
        raise NoWindow("over", "The window is over already.")

    def _ended_of(self, owner: Owner) -> list[Interval]:
        """The times of its runs that have ended, early or not."""
        own = [run for run in self.fixed if (run.schedule, run.night) == (owner.schedule, owner.night)]
        return [(run.begin, run.end) for run in own if run.ended is not None and run.windows]

    def _fixed_in(self, windows: list[Interval]) -> list[Piece]:
        return [piece for window in windows for piece in self.timeline.overlapping(*window) if piece.owner.fixed]

    def _lost_text(self, pieces: list[Piece]) -> str:
        """ "Meteors has the camera (21:30 to 02:10), Comet has the camera (03:00 to 04:00)." """
        assert self.site is not None
        times: dict[str, list[Interval]] = defaultdict(list)
        for piece in dict.fromkeys(pieces):
            times[piece.owner.name or "Another run"].append((piece.begin, piece.end))
        return ", ".join(f"{name} has the camera ({times_text(of, self.site)})" for name, of in times.items()) + "."

    def runs(self, schedules: Mapping[str, ScheduleRule]) -> Iterator[RunPlan]:
        """Pieces of one schedule and night are one run, unless a piece of another run lies between them."""
        parts = defaultdict[tuple[str, date | None], int](int)
        for run in self.fixed:
            parts[run.schedule, run.night] = max(parts[run.schedule, run.night], run.part + 1)
        for owner, pieces in groupby(self.timeline.pieces, key=lambda piece: piece.owner):
            if owner.fixed or owner.night is None:
                continue
            schedule, key = schedules[owner.schedule], (owner.schedule, owner.night)
            yield RunPlan(
                schedule=schedule.id,
                camera=self.camera,
                night=owner.night,
                part=parts[key],
                windows=tuple((piece.begin, piece.end) for piece in pieces),
                programme=schedule.programme,
                name=schedule.name,
                created_by=schedule.created_by,
                on_held=schedule.on_held,
                priority=schedule.priority,
            )
            parts[key] += 1


def _is_of(piece: Piece, owner: Owner) -> bool:
    return (piece.owner.schedule, piece.owner.night) == (owner.schedule, owner.night)
