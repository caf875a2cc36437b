"""The time-line of an experiment: all its cameras over one axis, as a drawing (x in per cent) and as a table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from django.utils import timezone

from captures.capturing.models import Capture, CaptureStatus
from captures.experiments.models import Experiment, ExperimentNote
from captures.pages.experiments.account import PlaceAccount
from core.templatetags.skycam import datetime_text, duration
from core.text.sentences import pluralize
from core.times.timestamps import in_utc

HEAD, LANE, BAR = 22, 26, 14
"""Heights in pixels: of the scale, of a lane, of a bar in it."""
MIN_WIDTH = 0.25
"""The least width of a mark, in per cent, so that it is always visible."""
MARGIN = 0.02
"""Beside what is drawn, as a share of it."""
LABEL_WIDTH = 7.0
"""A label of the scale that is closer to the flag would be under it. A named mark is at least this wide."""
NARROW_LABEL_WIDTH = 18.0
MAX_CAPTURES = 2000
MAX_ROWS = 200
"""The most captures of the drawing, and rows of its table."""
MAX_HOURS = 8
STEPS = tuple(timedelta(minutes=minutes) for minutes in (1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720))
DAY = timedelta(days=1)
NOTE_LENGTH = 120
LAST_DAY = datetime.max.replace(tzinfo=UTC) - 2 * DAY
"""Times up to it can be shown in each time zone."""


class Axis(NamedTuple):
    begin: datetime
    end: datetime

    def x_of(self, at: datetime) -> float:
        """Per cent, within the axis."""
        return round(100 * min(1.0, max(0.0, (at - self.begin) / (self.end - self.begin))), 3)


@dataclass(frozen=True, slots=True)
class Mark:
    """`kind` is clip, pending, plan, gap or stopped. `label` is drawn in it, where there is room."""

    kind: str
    x: float
    width: float
    title: str
    label: str = ""


class Span(NamedTuple):
    """What one mark shows, alone or with others."""

    begin: datetime
    end: datetime
    what: str
    label: str = ""


@dataclass(frozen=True, slots=True)
class Tick:
    """A capture that was not saved, or a note."""

    x: float
    title: str


@dataclass(frozen=True, slots=True)
class Hour:
    """A time of the scale. `is_near`: its label has no room beside the flag on a narrow page."""

    x: float
    label: str
    is_near: bool


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the table. `clip` is the id of the clip that shows the beginning."""

    name: str
    what: str
    begin: datetime
    end: datetime
    clip: str = ""

    @property
    def length(self) -> timedelta:
        return self.end - self.begin


@dataclass(frozen=True, slots=True)
class Lane:
    """`saved` is the path of the ticks of saved captures, in thousandths of the width."""

    name: str
    y: int
    marks: list[Mark]
    saved: str
    not_saved: list[Tick]


@dataclass(frozen=True, slots=True)
class Run:
    """The drawing and its table. `done` is until when it is known, the end or now."""

    axis: Axis
    begin: datetime
    done: datetime
    now: float | None
    hours: list[Hour]
    lanes: list[Lane]
    notes: list[Tick]
    rows: list[Row]
    more: int
    is_cut: bool
    """Whether only the newest MAX_CAPTURES captures are drawn."""
    kinds: set[str]
    """The kinds of marks that are drawn, for the legend."""
    gaps: int

    @property
    def notes_y(self) -> int:
        return HEAD + LANE * len(self.lanes)

    @property
    def height(self) -> int:
        return self.notes_y + LANE

    @property
    def lines(self) -> list[int]:
        """The y of the lines between lanes."""
        return [HEAD + LANE * number for number in range(len(self.lanes) + 2)]

    @property
    def edges(self) -> list[float]:
        """The x of the begin, and of the end if it has ended."""
        return [self.axis.x_of(self.begin), *([self.axis.x_of(self.done)] if self.now is None else [])]

    @property
    def summary(self) -> str:
        """The drawing for screen readers."""
        cameras = pluralize(len(self.lanes), "camera")
        until = "now" if self.now is not None else datetime_text(self.done)
        found = f"{cameras} from {datetime_text(self.begin)} to {until}, {pluralize(self.gaps, 'gap')}"
        return f"{found}. The table lists video and gaps."


def run_of(experiment: Experiment, accounts: Sequence[PlaceAccount], notes: Sequence[ExperimentNote]) -> Run | None:
    """None before the start."""
    if experiment.started_at is None or not accounts:
        return None
    begin = experiment.started_at
    done = begin + timedelta(seconds=accounts[0].body["length_s"])
    axis = axis_of(experiment, begin, done)
    now = axis.x_of(done) if experiment.ended_at is None else None
    captures = captures_of(experiment, accounts)
    lanes = [
        Lane(
            one.place.camera.name,
            HEAD + LANE * number,
            list(marks_of(experiment, one, axis, done)),
            saved_path(axis, captures_with(captures, one, saved=True)),
            lost_ticks(axis, captures_with(captures, one, saved=False)),
        )
        for number, one in enumerate(accounts)
    ]
    rows = [row for one in accounts for row in rows_of(one, done)]
    kinds = {mark.kind for lane in lanes for mark in lane.marks}
    kinds |= {kind for lane in lanes for kind in (lane.saved and "capture", lane.not_saved and "lost") if kind}
    return Run(
        axis=axis,
        begin=begin,
        done=done,
        now=now,
        hours=hours_of(axis, now),
        lanes=lanes,
        notes=[Tick(axis.x_of(note.at), note_title(note)) for note in notes],
        rows=rows[:MAX_ROWS],
        more=max(0, len(rows) - MAX_ROWS),
        is_cut=len(captures) == MAX_CAPTURES,
        kinds=kinds | ({"note"} if notes else set()),
        gaps=sum(len(one.gaps) for one in accounts),
    )


def axis_of(experiment: Experiment, begin: datetime, done: datetime) -> Axis:
    """From the pre-roll to the post-roll, or to the planned end."""
    first = begin - timedelta(seconds=experiment.pre_roll_s if experiment.record else 0.0)
    last = done + timedelta(seconds=experiment.post_roll_s if experiment.state == "completed" else 0.0)
    if experiment.ended_at is None and experiment.planned_end is not None:
        last = max(last, experiment.planned_end)
    margin = max(timedelta(seconds=1), MARGIN * (last - first))
    # Any end can be planned, and the calendar ends too.
    return Axis(first - margin, last + min(margin, LAST_DAY - last))


def marks_of(experiment: Experiment, one: PlaceAccount, axis: Axis, done: datetime) -> Iterable[Mark]:
    """In drawing order: later marks are drawn on top."""
    planned_end = experiment.planned_end if experiment.ended_at is None else None
    if experiment.record and one.gives_video and planned_end is not None and planned_end > done:
        yield make_mark("plan", axis, done, planned_end, "Planned")
    clips = [
        Span(datetime.fromisoformat(segment["from"]), datetime.fromisoformat(segment["to"]), "Video")
        for segment in one.body["segments"]
    ]
    yield from marks_for("clip", axis, clips)
    if one.body["pending_s"] >= 1:
        yield make_mark("pending", axis, done - timedelta(seconds=one.body["pending_s"]), done, pending_text(one))
    for kind, is_suspension in (("gap", False), ("stopped", True)):
        gaps = [gap for gap in one.gaps if gap.is_suspension == is_suspension]
        yield from marks_for(
            kind, axis, [Span(gap.begin, gap.end, f"No {one.missing_kind}: {gap.why}", gap.by) for gap in gaps]
        )


def marks_for(kind: str, axis: Axis, spans: Iterable[Span]) -> Iterable[Mark]:
    """One mark for all short spans that would be drawn over each other: a camera that comes and goes for a week has
    thousands of gaps. `spans` are in order."""
    group: list[Span] = []
    for span in spans:
        begin, end = axis.x_of(span.begin), axis.x_of(span.end)
        # A span that is wide enough to be seen is a mark of its own.
        if group and (end - begin >= MIN_WIDTH or begin >= drawn_end(axis, group)):
            yield mark_for(kind, axis, group)
            group = []
        group.append(span)
    if group:
        yield mark_for(kind, axis, group)


def drawn_end(axis: Axis, group: list[Span]) -> float:
    return max(axis.x_of(group[-1].end), axis.x_of(group[0].begin) + MIN_WIDTH)


def mark_for(kind: str, axis: Axis, group: list[Span]) -> Mark:
    first, *others = group
    if not others:
        return make_mark(kind, axis, first.begin, first.end, first.what, first.label)
    total = sum((span.end - span.begin for span in group), timedelta())
    what = f"{first.what.rstrip('.')} (the first of {len(group)}, {duration(total)} in all)"
    return make_mark(kind, axis, first.begin, group[-1].end, what)


def pending_text(one: PlaceAccount) -> str:
    """What is known of the newest part of the run."""
    return "Recorded now; its clip has not ended" if one.records_now else "Not known yet: no clip shows it so far"


def make_mark(kind: str, axis: Axis, begin: datetime, end: datetime, what: str, label: str = "") -> Mark:
    x = axis.x_of(begin)
    width = max(MIN_WIDTH, round(axis.x_of(end) - x, 3))
    title = f"{what.rstrip('.')}. {datetime_text(begin)} to {datetime_text(end)}, {duration(end - begin)}"
    return Mark(kind, x, width, title, label if width >= LABEL_WIDTH else "")


def captures_of(experiment: Experiment, accounts: Sequence[PlaceAccount]) -> list[Any]:
    """Camera, begin and status of the newest captures, newest first."""
    cameras = [one.place.camera_id for one in accounts]
    found = Capture.objects.filter(experiment=experiment.pk, camera__in=cameras).exclude(status=CaptureStatus.PLANNED)
    newest = found.order_by("-started_at", "-id").values_list("camera_id", "started_at", "status")
    return list(newest[:MAX_CAPTURES])


def captures_with(captures: Iterable[Any], one: PlaceAccount, *, saved: bool) -> list[tuple[datetime, str]]:
    """Begin and status of the camera's captures that were saved, or of the others."""
    of_camera = [(at, status) for camera, at, status in captures if camera == one.place.camera_id]
    return [(at, status) for at, status in of_camera if (status == CaptureStatus.SAVED) == saved]


def saved_path(axis: Axis, captures: Iterable[tuple[datetime, str]]) -> str:
    """One tick for all captures that a reader could not tell apart."""
    return "".join(f"M{x} 4V22" for x in sorted({round(10 * axis.x_of(at)) for at, _ in captures}))


def lost_ticks(axis: Axis, captures: Iterable[tuple[datetime, str]]) -> list[Tick]:
    """The newest of those that a reader could not tell apart."""
    found: dict[int, Tick] = {}
    for at, status in captures:
        x = axis.x_of(at)
        found.setdefault(round(3 * x), Tick(x, f"Capture {status}, {datetime_text(at)}"))
    return list(found.values())


def note_title(note: ExperimentNote) -> str:
    text = note.text if len(note.text) <= NOTE_LENGTH else f"{note.text[:NOTE_LENGTH]}\N{HORIZONTAL ELLIPSIS}"
    return f"{datetime_text(note.at)}, {note.author}: {text}"


def rows_of(one: PlaceAccount, done: datetime) -> list[Row]:
    name = one.place.camera.name
    video = [
        Row(name, "Video", datetime.fromisoformat(found["from"]), datetime.fromisoformat(found["to"]), found["clip"])
        for found in one.body["segments"]
    ]
    gaps = [Row(name, f"No {one.missing_kind}: {gap.why}", gap.begin, gap.end) for gap in one.gaps]
    pending_s = one.body["pending_s"]
    newest = [Row(name, pending_text(one), done - timedelta(seconds=pending_s), done)] if pending_s >= 1 else []
    return sorted(video + gaps + newest, key=lambda row: row.begin)


def hours_of(axis: Axis, now: float | None) -> list[Hour]:
    """Round times in the reader's time zone, at most MAX_HOURS."""
    span = axis.end - axis.begin
    step = next((step for step in STEPS if span / step <= MAX_HOURS), DAY * max(1, -(-span // (DAY * MAX_HOURS))))
    local = timezone.localtime(axis.begin)
    midnight = in_utc(local.replace(hour=0, minute=0, second=0, microsecond=0))
    first = midnight + (-(-(in_utc(axis.begin) - midnight) // step)) * step
    steps = min(MAX_HOURS, (in_utc(axis.end) - first) // step)
    times = [first + number * step for number in range(steps + 1)]
    return [
        Hour(x, hour_label(at, step) if is_clear(x, now) else "", now is not None and abs(x - now) < NARROW_LABEL_WIDTH)
        for x, at in ((axis.x_of(at), at) for at in times if axis.begin < at < axis.end)
    ]


def hour_label(at: datetime, step: timedelta) -> str:
    local = timezone.localtime(at)
    return f"{local:%m-%d}" if step >= DAY or (local.hour, local.minute) == (0, 0) else f"{local:%H:%M}"


def is_clear(x: float, now: float | None) -> bool:
    """Whether a label fits: at an edge it would be cut off."""
    return LABEL_WIDTH / 3 < x < 100 - LABEL_WIDTH / 3 and (now is None or abs(x - now) > LABEL_WIDTH)
