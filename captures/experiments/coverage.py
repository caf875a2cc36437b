"""What an experiment has of each camera: the time that its clips cover, and what is missing, with a reason.

Times within one boot of the machine are compared by its boot clock, so the account is right when the clock was set.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from itertools import pairwise
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models import Q, QuerySet

from cameras.spool.moments import Moment
from captures.experiments.models import Experiment, ExperimentCamera
from captures.recordings.claims.models import ClaimSuspension, RecordingClaim, as_moment
from captures.recordings.claims.services import present_moment
from captures.recordings.clips.delivery import HOLE_REASONS, Delivery, delivery, sum_deliveries
from captures.recordings.clips.models import Clip
from core.events.models import Event
from core.station_settings import camera_config

CONTINUOUS_S = 1.0
"""Clips that are closer together are one recording."""
FILING_S = 60.0
"""How long after its end a clip may still be without a row."""
CAUSES_BEFORE = timedelta(seconds=15)
"""An outage is noticed a little before or after its first missing frame."""
MAX_CAUSES = 1000
"""The most events that are read for the gaps of a camera at once."""


class Segment(NamedTuple):
    """Time with video, in seconds since the start of the experiment; `clip` shows its beginning."""

    begin_s: float
    end_s: float
    clip: UUID


@dataclass(frozen=True, slots=True)
class Gap:
    """Time without video, or without stills. `by` is the user who caused it; empty for other reasons."""

    begin: datetime
    end: datetime
    reason: str
    message: str = ""
    by: str = ""


@dataclass(slots=True)
class Coverage:
    """`lost_frames` is None when it is unknown for a clip, which a kill cut off. `pending_s`: the newest part of a
    running experiment, whose clip has no row yet."""

    length_s: float
    covered_s: float = 0.0
    pending_s: float = 0.0
    clips: int = 0
    frames: int = 0
    bytes: int = 0
    lost_frames: int | None = 0
    delivery: Delivery = field(default_factory=Delivery)
    segments: list[Segment] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)


class _Stop(NamedTuple):
    """The recording was stopped by this operator; the end is None while it is. Its times follow the start of the run as
    the boot clock does."""

    begin: datetime
    end: datetime | None
    by: str


class _Row(NamedTuple):
    id: UUID
    started_at: datetime
    ended_at: datetime
    boot: str
    boot_s: float | None
    frames: int
    lost_frames: int | None
    bytes: int
    delivery: dict[str, Any]


def coverage(experiment: Experiment, camera: UUID) -> Coverage:
    """Of one camera, for an experiment that has started."""
    start = experiment.start
    assert start is not None
    now_s = start.seconds_until(present_moment())
    length_s = max(0.0, start.seconds_until(experiment.end) if experiment.end else now_s)
    found = Coverage(length_s)
    rows = _rows(experiment, camera)
    for row in rows:
        found.clips, found.frames, found.bytes = found.clips + 1, found.frames + row.frames, found.bytes + row.bytes
        if row.lost_frames is None or found.lost_frames is None:
            found.lost_frames = None
        else:
            found.lost_frames += row.lost_frames
    found.delivery = sum_deliveries(_delivery(row, start) for row in rows)
    found.segments = list(_merged(_segment(row, start) for row in rows))
    within = [(max(0.0, one.begin_s), min(length_s, one.end_s)) for one in found.segments]
    within = [(begin, end) for begin, end in within if end > begin]
    found.covered_s = sum(end - begin for begin, end in within)
    stops = _stops(experiment, camera, start)
    silences = {_segment(row, start).end_s: row.delivery.get("after", "") for row in rows}
    causes = GapCauses(camera, experiment)
    for begin_s, end_s in _holes(within, length_s):
        is_last = end_s == length_s and not any(stop.end is None for stop in stops)
        if (
            is_last
            and _was_recorded(experiment, camera, start, begin_s)
            and _may_be_pending(experiment, now_s - begin_s, now_s - length_s)
        ):
            found.pending_s = length_s - begin_s
        else:
            otherwise = _otherwise(experiment, silences.get(begin_s, ""))
            found.gaps += _explained(otherwise, causes, stops, time_after(start, begin_s), time_after(start, end_s))
    return found


def _rows(experiment: Experiment, camera: UUID) -> list[_Row]:
    clips = Clip.objects.present().filter(experiment=experiment.pk, camera=camera)
    return [_Row(*row) for row in clips.order_by("started_at", "id").values_list(*_Row._fields)]


def _segment(row: _Row, start: Moment) -> Segment:
    begin_s = start.seconds_until(as_moment(row.started_at.timestamp(), row.boot, row.boot_s))
    return Segment(begin_s, begin_s + (row.ended_at - row.started_at).total_seconds(), row.id)


def _delivery(row: _Row, start: Moment) -> Delivery:
    # Its holes are dated as the segments are.
    began = time_after(start, _segment(row, start).begin_s)
    return delivery(row.delivery, row.frames, began, began + (row.ended_at - row.started_at))


def _merged(segments: Iterable[Segment]) -> Iterable[Segment]:
    last: Segment | None = None
    for one in sorted(segments):
        if last is not None and one.begin_s - last.end_s < CONTINUOUS_S:
            last = last._replace(end_s=max(last.end_s, one.end_s))
            continue
        if last is not None:
            yield last
        last = one
    if last is not None:
        yield last


def _holes(within: Sequence[tuple[float, float]], length_s: float) -> Iterable[tuple[float, float]]:
    edges = [(0.0, 0.0), *within, (length_s, length_s)]
    for (_, ended), (began, _) in pairwise(edges):
        if began - ended >= CONTINUOUS_S:
            yield ended, began


def _was_recorded(experiment: Experiment, camera: UUID, start: Moment, begin_s: float) -> bool:
    """Whether a clip may show the run since `begin_s`: of an experiment that records nothing by itself, one for
    others."""
    if experiment.record:
        return True
    standing = Q(ended_at=None) | Q(ended_at__gt=time_after(start, begin_s))
    return RecordingClaim.objects.filter(standing, camera=camera).exists()


def video_places(experiment: Experiment) -> QuerySet[ExperimentCamera]:
    """The cameras whose clips an archive of the experiment waits for."""
    return experiment.places.filter(means="clips") if experiment.record else experiment.places.all()


def _may_be_pending(experiment: Experiment, since_begin_s: float, since_end_s: float) -> bool:
    """Whether the clip that shows the newest part may still be open, or on its way into the database."""
    if since_begin_s > camera_config().clip_s + FILING_S:
        return False
    # At the end of the post-roll its clip ends too.
    return experiment.ended_at is None or since_end_s <= experiment.post_roll_s + FILING_S


def time_after(start: Moment, seconds: float) -> datetime:
    """On the wall clock as it was at the start of the run."""
    return datetime.fromtimestamp(start.wall + seconds, UTC)


def _stops(experiment: Experiment, camera: UUID, start: Moment) -> list[_Stop]:
    """In the order of the run, which is not that of the wall clock if that was set meanwhile."""
    rows = ClaimSuspension.objects.filter(claim__experiment=experiment, claim__camera=camera)
    found = [
        _Stop(
            time_after(start, start.seconds_until(row.begin)),
            time_after(start, start.seconds_until(row.end)) if row.end else None,
            row.by,
        )
        for row in rows
    ]
    return sorted(found, key=lambda stop: stop.begin)


def _otherwise(experiment: Experiment, silence: str) -> tuple[str, str]:
    """The reason of a gap that no event explains, with its sentence. `silence`: why no frame followed the clip."""
    if silence:
        return silence, f"{HOLE_REASONS[silence].capitalize()}."
    if not experiment.record:
        return "not_requested", "The experiment does not record by itself."
    return "no_video", "No clip covers this time."


def _explained(
    otherwise: tuple[str, str], causes: GapCauses, stops: Sequence[_Stop], begin: datetime, end: datetime
) -> Iterable[Gap]:
    """The gap in parts, each with its reason: the operators' stops, and what is between them."""
    for one in stops:
        stopped, resumed = max(begin, one.begin), min(end, one.end or end)
        if resumed <= stopped:
            continue
        yield from _unsuspended(otherwise, causes, begin, stopped)
        yield Gap(stopped, resumed, "suspended", f"{one.by or 'Someone'} stopped the recording.", one.by)
        begin = resumed
    yield from _unsuspended(otherwise, causes, begin, end)


def _unsuspended(otherwise: tuple[str, str], causes: GapCauses, begin: datetime, end: datetime) -> Iterable[Gap]:
    if (end - begin).total_seconds() < CONTINUOUS_S:
        return
    cause = causes.of_gap(begin, end)
    if cause is not None:
        yield Gap(begin, end, cause.kind, cause.sentence, cause.actor)
    else:
        yield Gap(begin, end, *otherwise)


class GapCauses:
    """The events that explain gaps, read at most once: a camera that comes and goes leaves hundreds of gaps."""

    def __init__(self, camera: UUID, experiment: Experiment) -> None:
        self._camera, self._experiment = camera, experiment

    def of_gap(self, begin: datetime, end: datetime) -> Event | None:
        """The first warning about the camera around the beginning of the gap, or the first command that ended its
        video."""
        first = begin - CAUSES_BEFORE
        if len(self._newest) > MAX_CAUSES and self._newest[0].at > first:
            return self._events().filter(at__gte=first, at__lt=end).order_by("at", "id").first()
        place = bisect_left(self._newest, first, key=lambda event: event.at)
        found = self._newest[place] if place < len(self._newest) else None
        return found if found is not None and found.at < end else None

    @cached_property
    def _newest(self) -> list[Event]:
        """Those of the run in order of time; only the newest ones if there are more than MAX_CAUSES."""
        assert self._experiment.started_at is not None
        events = self._events().filter(at__gte=self._experiment.started_at - CAUSES_BEFORE)
        return list(events.order_by("-at", "-id")[: MAX_CAUSES + 1])[::-1]

    def _events(self) -> QuerySet[Event]:
        events = Event.objects.filter(camera_uuid=str(self._camera))
        told = events.exclude(severity="info") | events.filter(data__order__in=["disconnect", "change", "remove"])
        return told.exclude(kind__startswith="experiment.")
