"""When a camera without a stream took no stills for an experiment, and why.

Two sources: the service that begins its sessions writes an event at each change, with the time by the boot clock; the
rows of the sessions say when they ran and which captures they missed, by the wall clock. Where that was set during the
run, the events alone decide which session ran when.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import cached_property
from typing import NamedTuple

from django.db.models import Max, QuerySet

from cameras.programmes.kinds import cycle_of
from cameras.spool.moments import Moment
from captures.capturing.models import Capture
from captures.experiments.coverage import MAX_CAUSES, Gap, GapCauses, time_after
from captures.experiments.models import Experiment, ExperimentCamera
from captures.recordings.claims.models import as_moment
from captures.recordings.claims.services import present_moment
from captures.sessions.models import Session, SessionGap, SessionState
from core.events.models import Event
from core.text.names import person
from core.text.sentences import pluralize

CONTRIBUTES = ("experiment.stills", "experiment.linked")
INTERRUPTED = "experiment.interrupted"
LEAST_S = 15.0
"""A session begins within this time. A stretch that is shorter, or shorter than two intervals, is no gap."""
STATED_S = 1.0
"""What a user stopped or paused for at least this long is a gap."""
CLOCK_SET_S = 5.0
"""If the wall clock and the boot clock differ by more about the length of the run, the wall clock was set."""
MAX_LEDGER_GAPS = 1000
"""The most gaps of sessions that are stated, the newest ones."""
TAKEN_OVER = "camera_held"
"""The reason of a session that was stopped for a planned run."""
NO_CAPTURES, SUSPENDED, STOPPED, SESSION_FAILED = "no_captures", "suspended", "session_stopped", "session_failed"
SILENCE_COUNTS = (SessionState.RUNNING, SessionState.FAILED)
"""Sessions whose end is not certain: others have stated what they missed, or wait, or are paused."""


class Stretch(NamedTuple):
    """In seconds since the start of the run."""

    begin_s: float
    end_s: float
    reason: str = ""
    message: str = ""
    by: str = ""


class Ran(NamedTuple):
    """When a session ran; None where the clock does not say which one."""

    begin_s: float
    end_s: float
    session: Session | None


class _Run(NamedTuple):
    """`until_s` is the present time, which is after the end of a run that has ended."""

    start: Moment
    length_s: float
    until_s: float
    is_clock_set: bool

    def seconds_at(self, wall: datetime) -> float:
        return self.start.seconds_until(as_moment(wall.timestamp(), "", None))

    def within(self, begin_s: float, end_s: float) -> tuple[float, float]:
        begin_s = min(max(0.0, begin_s), self.length_s)
        return begin_s, min(max(begin_s, end_s), self.length_s)


def still_gaps(experiment: Experiment, place: ExperimentCamera) -> list[Gap]:
    """Of a camera without a stream, for an experiment that has started and takes stills by itself; in their order."""
    run = _run_of(experiment)
    changes = _changes(experiment, place, run)
    named = [Stretch(*run.within(one.begin_s, one.end_s), *one[2:]) for one in changes if one.reason]
    links = Session.objects.filter(experiment_links__experiment=experiment, camera=place.camera_id)
    sessions = list(links.order_by("experiment_links__id"))
    tolerance_s = _tolerance_s(experiment, sessions)
    ledger, unlisted = _ledger(links, run)
    if run.is_clock_set and changes:
        ran = [Ran(*run.within(changes[0].begin_s, run.length_s), None)]
    else:
        ran = list(_ran(links, sessions, run, tolerance_s))
    known = [one[:2] for one in ran] + [one[:2] for one in [*ledger, *named]]
    holes = [one for one in _holes(known, run.length_s) if one.end_s - one.begin_s > tolerance_s]
    ends = {one.end_s: one.session for one in ran if one.session is not None}
    reasons = _HoleReasons(experiment, place, ends)
    gaps = [
        *(_gap(run, one) for one in named if one.end_s - one.begin_s >= _least_s(one, tolerance_s)),
        *(reasons.explain(hole, _gap(run, hole)) for hole in holes),
        *(_gap(run, one) for one in _unnamed(ledger, named, tolerance_s)),
    ]
    if unlisted:
        gaps.append(_unlisted(run, ledger, unlisted))
    return sorted(gaps, key=lambda gap: (gap.begin, gap.end))


def _run_of(experiment: Experiment) -> _Run:
    start, now = experiment.start, present_moment()
    assert start is not None
    end = experiment.end or now
    length_s = max(0.0, start.seconds_until(end))
    is_clock_set = abs(end.wall - start.wall - start.seconds_until(end)) > CLOCK_SET_S
    return _Run(start, length_s, max(length_s, start.seconds_until(now)), is_clock_set)


def _changes(experiment: Experiment, place: ExperimentCamera, run: _Run) -> list[Stretch]:
    """What the camera contributed, each until the next change; with a reason where it was nothing."""
    events = Event.objects.filter(
        subject=str(experiment.pk), camera_uuid=str(place.camera_id), kind__in=[*CONTRIBUTES, INTERRUPTED]
    )
    newest = events.order_by("-at", "-id")[:MAX_CAUSES]
    found = sorted(((run.start.seconds_until(_moment(event)), event) for event in newest), key=lambda one: one[0])
    begins = [begin_s for begin_s, _ in found]
    ends = [*begins[1:], run.length_s]
    return [Stretch(begin_s, end_s, *_reason(event)) for (begin_s, event), end_s in zip(found, ends, strict=False)]


def _moment(event: Event) -> Moment:
    return as_moment(event.at.timestamp(), event.data.get("boot", ""), event.data.get("boot_s"))


def _reason(event: Event) -> tuple[str, str, str]:
    if event.kind != INTERRUPTED:
        return "", "", ""
    return event.data.get("reason") or NO_CAPTURES, event.data.get("why", ""), event.data.get("by", "")


def _tolerance_s(experiment: Experiment, sessions: Iterable[Session]) -> float:
    longest_s = (cycle_of(session.programme).longest_s for session in sessions)
    return max(LEAST_S, 2 * max([experiment.still_interval_s, *longest_s]))


def _ledger(links: QuerySet[Session], run: _Run) -> tuple[list[Stretch], int]:
    """What the sessions themselves have stated of the run, oldest first, and how many earlier ones are left out."""
    rows = SessionGap.objects.filter(session__in=links)
    if not run.is_clock_set:
        rows = rows.filter(to_at__gt=time_after(run.start, 0.0), from_at__lt=time_after(run.start, run.length_s))
    newest = list(rows.order_by("-from_at", "-id")[: MAX_LEDGER_GAPS + 1])
    unlisted = rows.count() - MAX_LEDGER_GAPS if len(newest) > MAX_LEDGER_GAPS else 0
    stated = [
        Stretch(
            *run.within(run.seconds_at(row.from_at), run.seconds_at(row.to_at)),
            row.reason, f"{pluralize(row.count, 'capture')} missed: {row.message}",
        )
        for row in newest[:MAX_LEDGER_GAPS][::-1]
    ]  # fmt: skip
    if run.is_clock_set:
        # By the wall clock alone no one knows whether what somebody's session missed was before the run or within it.
        own = set(links.filter(experiment_links__own=True).values_list("pk", flat=True))
        rows_of = zip(newest[:MAX_LEDGER_GAPS][::-1], stated, strict=True)
        stated = [one for row, one in rows_of if one.end_s > one.begin_s or row.session_id in own]
    return stated, unlisted


def _ran(links: QuerySet[Session], sessions: Iterable[Session], run: _Run, tolerance_s: float) -> Iterable[Ran]:
    """When the sessions ran. One that is silent for too long at its end ran until it was last heard of."""
    captures = Capture.objects.filter(session__in=links, started_at__isnull=False).order_by()
    captured = dict(captures.values_list("session").annotate(Max("started_at")))
    stated = dict(SessionGap.objects.filter(session__in=links).order_by().values_list("session").annotate(Max("to_at")))
    for session in sessions:
        if session.started_at is None:
            continue
        begin_s = run.seconds_at(session.started_at)
        end_s = run.until_s if session.ended_at is None else max(begin_s, run.seconds_at(session.ended_at))
        # Without the rows of its captures, which were deleted since, no one knows.
        if session.state in SILENCE_COUNTS and (session.pk in captured or not session.planned):
            heard = [found[session.pk] for found in (captured, stated) if session.pk in found]
            heard_s = min(end_s, max([begin_s, *map(run.seconds_at, heard)]))
            if end_s - heard_s > max(tolerance_s, 2 * _interval_s(session)):
                end_s = heard_s
        yield Ran(*run.within(begin_s, end_s), session)


def _interval_s(session: Session) -> float:
    """From one of its captures to the next, without what the camera takes beside its exposures."""
    programme = session.programme
    return max(programme.get("cadence_s") or 0.0, cycle_of(programme).length_s(programme.get("delay_s") or 0.0))


def _holes(known: Iterable[tuple[float, float]], length_s: float) -> Iterable[Stretch]:
    """What of the run nothing covers."""
    known_s = 0.0
    for begin_s, end_s in sorted([*known, (length_s, length_s)]):
        if begin_s > known_s:
            yield Stretch(known_s, begin_s)
        known_s = max(known_s, end_s)


def _least_s(stretch: Stretch, tolerance_s: float) -> float:
    return STATED_S if stretch.reason == SUSPENDED else tolerance_s


def _unnamed(ledger: Iterable[Stretch], named: Sequence[Stretch], tolerance_s: float) -> Iterable[Stretch]:
    """Those of the sessions' gaps that no event explains: the captures that a pause has cost are a gap of its session
    too."""
    for one in ledger:
        rest = [(one.begin_s, one.end_s)]
        for other in named:
            rest = [
                part
                for begin_s, end_s in rest
                for part in ((begin_s, min(end_s, other.begin_s)), (max(begin_s, other.end_s), end_s))
                if part[1] > part[0]
            ]
        if rest == [(one.begin_s, one.end_s)]:
            yield one
        else:
            yield from (one._replace(begin_s=begin, end_s=end) for begin, end in rest if end - begin > tolerance_s)


class _HoleReasons:
    """Why no session ran: by the end of the one that ran before, else by what is known of the camera."""

    def __init__(self, experiment: Experiment, place: ExperimentCamera, ends: dict[float, Session]) -> None:
        """`ends`: the sessions by the seconds at which they ended."""
        self._ends, self._causes = ends, GapCauses(place.camera_id, experiment)

    def explain(self, hole: Stretch, gap: Gap) -> Gap:
        session = self._ends.get(hole.begin_s)
        reason, message, by = self._end_of(session) if session is not None else ("", "", "")
        if reason:
            return Gap(gap.begin, gap.end, reason, message, by)
        if cause := self._causes.of_gap(gap.begin, gap.end):
            return Gap(gap.begin, gap.end, cause.kind, cause.sentence, cause.actor)
        return Gap(gap.begin, gap.end, NO_CAPTURES, "No session took stills in this time.")

    def _end_of(self, session: Session) -> tuple[str, str, str]:
        """Reason, sentence and name; empty if they are not known."""
        if session.state == SessionState.FAILED:
            return SESSION_FAILED, f"Its session failed. {session.message}".strip(), ""
        if session.state != SessionState.STOPPED:
            return "", "", ""
        if session.reason == TAKEN_OVER:
            return TAKEN_OVER, session.message or "A planned run took the camera over.", ""
        by = self._stopped_by.get(str(session.pk), "")
        return (SUSPENDED, f"{by} stopped its session.", by) if by else (STOPPED, "Its session was stopped.", "")

    @cached_property
    def _stopped_by(self) -> dict[str, str]:
        """The users who stopped sessions, by the ids of the sessions."""
        stopped = [str(one.pk) for one in self._ends.values() if one.state == SessionState.STOPPED]
        commands = Event.objects.filter(kind="command", subject__in=stopped, data__order="stop").exclude(actor="")
        return {
            subject: person(actor) for subject, actor in commands.order_by("at", "id").values_list("subject", "actor")
        }


def _gap(run: _Run, stretch: Stretch) -> Gap:
    begin, end = (time_after(run.start, seconds) for seconds in stretch[:2])
    return Gap(begin, end, stretch.reason, stretch.message, stretch.by)


def _unlisted(run: _Run, ledger: Sequence[Stretch], count: int) -> Gap:
    begin_s = ledger[0].begin_s if ledger else 0.0
    message = f"{pluralize(count, 'earlier gap')} of its sessions are not listed here. The sessions list all."
    return _gap(run, Stretch(begin_s, begin_s, "unlisted", message))
