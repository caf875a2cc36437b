"""The account of one camera in one night: what was planned and what became of it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass
from datetime import datetime, timedelta
from uuid import UUID

from cameras.models import Camera, Observed
from captures.sessions.models import ACTIVE, Session, SessionGap, SessionState
from captures.sessions.selectors import planned_end
from core.sky.intervals import Interval, intersect
from scheduler.reports.ledger import CameraLedger, CaptureRow
from scheduler.reports.losses import (
    STOPPED,
    UNACCOUNTED,
    Loss,
    capture_losses,
    expected_captures,
    gap_losses,
    share_in,
    step_of,
    unaccounted,
    with_alike_joined,
    within,
)
from scheduler.runs.models import PlannedRun

RECENT = timedelta(days=1)
"""For how long after its end the present state of the camera may explain a loss."""


@dataclass(frozen=True, slots=True)
class Counts:
    """`open` are captures without an outcome yet."""

    planned: int = 0
    saved: int = 0
    failed: int = 0
    skipped: int = 0
    open: int = 0

    @property
    def sum_holds(self) -> bool:
        return self.planned == self.saved + self.failed + self.skipped + self.open


def sum_of(counts: Iterable[Counts]) -> Counts:
    return Counts(*(sum(values) for values in zip(astuple(Counts()), *map(astuple, counts), strict=True)))


@dataclass(frozen=True, slots=True)
class SessionAccount:
    """What a session did in this night; `counts` are those of the night, and not of the whole session."""

    session: Session
    begin: datetime
    end: datetime
    counts: Counts


@dataclass(frozen=True, slots=True)
class CameraAccount:
    """`single` counts the captures without a session, which `counts` includes. `covered` are the times with captures.
    `to_come` is about how many captures follow. `problems` are sums that do not hold, as sentences."""

    counts: Counts
    single: Counts
    sessions: tuple[SessionAccount, ...]
    runs: tuple[PlannedRun, ...]
    losses: tuple[Loss, ...]
    covered: tuple[Interval, ...]
    to_come: int
    problems: tuple[str, ...]

    @property
    def is_complete(self) -> bool:
        return not self.losses and not self.problems and not self.counts.open


def account_of(camera: Camera, ledger: CameraLedger, night: Interval, now: datetime, pause: str = "") -> CameraAccount:
    """`pause`: the sentence of the closed gates for which its running session waits now, if it does."""
    accountant = _Accountant(camera, ledger, night, now, pause)
    losses = with_alike_joined(list(accountant.losses()))
    return CameraAccount(
        counts=counts_of(ledger.captures, ledger.gaps, night),
        single=counts_of(accountant.captures[None], [], night),
        sessions=tuple(accountant.sessions()),
        runs=tuple(ledger.runs),
        losses=tuple(losses),
        covered=tuple(accountant.covered()),
        to_come=accountant.to_come(),
        problems=tuple(accountant.problems()),
    )


def counts_of(captures: Sequence[CaptureRow], gaps: Iterable[SessionGap], night: Interval) -> Counts:
    """The captures that gaps count are skipped ones, as in the session's own account."""
    by_status = Counter(row.status for row in captures)
    missed = sum(share_in(gap.count, (gap.from_at, gap.to_at), night) for gap in gaps)
    return Counts(
        planned=len(captures) + missed,
        saved=by_status["saved"],
        failed=by_status["failed"],
        skipped=by_status["skipped"] + missed,
        open=by_status["planned"],
    )


class _Accountant:
    """The rows of one camera by session, and how long a step of each session takes."""

    def __init__(self, camera: Camera, ledger: CameraLedger, night: Interval, now: datetime, pause: str) -> None:
        self.camera, self.ledger, self.night, self.now, self.pause = camera, ledger, night, now, pause
        self.captures = defaultdict[UUID | None, list[CaptureRow]](list)
        self.gaps = defaultdict[UUID, list[SessionGap]](list)
        for row in ledger.captures:
            self.captures[row.session].append(row)
        for gap in ledger.gaps:
            self.gaps[gap.session_id].append(gap)
        self.steps = {one.pk: step_of(one.programme, self._starts(one)) for one in ledger.sessions}
        self.windows = {run.pk: windows_of(run.windows) for run in ledger.runs}

    def _starts(self, session: Session) -> list[datetime]:
        return [row.at for row in self.captures[session.pk]]

    def sessions(self) -> Iterable[SessionAccount]:
        for session in self.ledger.sessions:
            begin = max(session.started_at or session.created_at, self.night[0])
            end = min(session.ended_at or self.now, self.now, self.night[1])
            counts = counts_of(self.captures[session.pk], self.gaps[session.pk], self.night)
            yield SessionAccount(session, begin, max(begin, end), counts)

    def losses(self) -> Iterable[Loss]:
        yield from gap_losses(self.ledger.gaps, self.night)
        yield from capture_losses(self.captures[None], timedelta(seconds=1))
        known = {session.pk for session in self.ledger.sessions}
        for session in self.ledger.sessions:
            yield from capture_losses(self.captures[session.pk], self.steps[session.pk])
            yield from self._unaccounted(session)
            yield from self._cut_short(session)
        for run in self.ledger.runs:
            if run.pk not in known:
                yield from self._not_begun(run)

    def _unaccounted(self, session: Session) -> Iterable[Loss]:
        step = self.steps[session.pk]
        gaps = [(gap.from_at, gap.to_at) for gap in self.gaps[session.pk]]
        for hole in unaccounted(self._expected(session), self.captures[session.pk], gaps, step):
            reason, message = self._why(session, hole)
            count = expected_captures(session.programme, [hole], step)
            yield Loss("unaccounted", (hole,), count, reason, message, session.pk, is_estimate=True)

    def _expected(self, session: Session) -> list[Interval]:
        """When the session ran, as far as this night and the present go."""
        if session.started_at is None:
            return []
        end = min(session.ended_at or self.now, planned_end(session) or self.now, self.now, self.night[1])
        begin = max(session.started_at, self.night[0])
        windows = windows_of(session.programme.get("windows") or []) or [(begin, end)]
        return within(windows, begin, end)

    def _why(self, session: Session, hole: Interval) -> tuple[str, str]:
        """A session that is paused now, or waits for a gate, has a gap only when it continues."""
        if hole[1] >= min(self.now, self.night[1]):
            if session.state == SessionState.PAUSED:
                return session.reason or "vetoed", session.message or "The session is paused."
            if session.state == SessionState.RUNNING and self.pause:
                return "unsafe", self.pause
        return UNACCOUNTED, f"No capture and no reason is recorded for this time.{self._present_state(hole)}"

    def _present_state(self, hole: Interval) -> str:
        if self.now - hole[1] > RECENT:
            return ""
        if not (self.camera.enabled and self.camera.connected):
            return " The camera is disabled or disconnected."
        if self.camera.observed in (Observed.READY, Observed.BUSY):
            return ""
        why = f": {self.camera.observed_reason}" if self.camera.observed_reason else ""
        return f" The camera is {str(self.camera.observed).replace('_', ' ')}{why}".rstrip(".") + "."

    def _cut_short(self, session: Session) -> Iterable[Loss]:
        """What was planned behind the end of a session that failed, or that something else than its user stopped."""
        end = planned_end(session)
        if session.state not in (SessionState.STOPPED, SessionState.FAILED) or session.ended_at is None or end is None:
            return
        if session.state == SessionState.STOPPED and session.reason in ("", STOPPED):
            return
        begin = max(session.ended_at, self.night[0])
        windows = windows_of(session.programme.get("windows") or []) or [(begin, end)]
        spans = within(windows, begin, min(end, self.night[1]))
        count = expected_captures(session.programme, spans, self.steps[session.pk], session.planned)
        if spans and spans[-1][1] - spans[0][0] > self.steps[session.pk]:
            message = session.message or f"The session was {session.state} before its planned end."
            yield Loss("cut_short", tuple(spans), count, session.reason, message, session.pk, is_estimate=True)

    def _not_begun(self, run: PlannedRun) -> Iterable[Loss]:
        spans = within(self.windows[run.pk], self.night[0], min(self.now, self.night[1]))
        step = step_of(run.programme, [])
        if not spans or spans[-1][1] - spans[0][0] <= step + RUN_PATIENCE:
            return
        down = self.now - spans[-1][1] <= RECENT and self.camera.observed == Observed.HOST_DOWN
        message = f"The run {run.name or run.pk} has not begun.{self._present_state(spans[-1])}"
        count = expected_captures(run.programme, spans, step)
        reason = "host_down" if down else "not_started"
        yield Loss("not_begun", tuple(spans), count, reason, message, is_estimate=True)

    def covered(self) -> list[Interval]:
        """The times with saved captures, each of which lasts as long as one step of its session."""
        found: list[Interval] = []
        for row in self.ledger.captures:
            if row.status != "saved":
                continue
            step = self.steps.get(row.session, timedelta(seconds=1)) if row.session else timedelta(seconds=1)
            end = min(row.at + step, self.night[1])
            if found and row.at <= found[-1][1] + step / 2:
                found[-1] = (found[-1][0], max(found[-1][1], end))
            else:
                found.append((row.at, end))
        return found

    def to_come(self) -> int:
        begin, end = max(self.now, self.night[0]), self.night[1]
        if begin >= end:
            return 0
        active = {session.pk: session for session in self.ledger.sessions if session.state in ACTIVE}
        ended = {session.pk for session in self.ledger.sessions} - set(active)
        count = sum(self._to_come_of(session, (begin, end)) for session in active.values())
        for run in self.ledger.runs:
            if run.pk not in active and run.pk not in ended:
                spans = within(self.windows[run.pk], begin, end)
                count += expected_captures(run.programme, spans, step_of(run.programme, []))
        return count

    def _to_come_of(self, session: Session, rest: Interval) -> int:
        if (count := session.programme.get("count")) is not None:
            return max(0, int(count) - session.planned)
        end = planned_end(session)
        if end is None:
            return 0
        windows = windows_of(session.programme.get("windows") or []) or [(rest[0], end)]
        return expected_captures(session.programme, intersect(windows, [rest]), self.steps[session.pk])

    def problems(self) -> Iterable[str]:
        """Differences between a session's own counters and the rows. Those of one that runs change while they are
        read, and the rows of one that reaches beyond the night are not all here."""
        for session in self.ledger.sessions:
            name = session.name or f"session {str(session.pk)[-6:]}"
            total = session.saved + session.failed + session.skipped
            if session.planned != total:
                yield (
                    f"The sum of {name} does not hold: {session.planned} planned, but {session.saved} saved + "
                    f"{session.failed} failed + {session.skipped} skipped = {total}."
                )
            if session.state not in ACTIVE and self._is_within_night(session):
                yield from self._differences(session, name)

    def _is_within_night(self, session: Session) -> bool:
        started, ended = session.started_at or session.created_at, session.ended_at
        return ended is not None and self.night[0] <= started and ended < self.night[1]

    def _differences(self, session: Session, name: str) -> Iterable[str]:
        rows = counts_of(self.captures[session.pk], self.gaps[session.pk], self.night)
        for what in ("planned", "saved", "failed", "skipped"):
            counted, listed = getattr(session, what), getattr(rows, what)
            if counted != listed:
                yield f"{name} counted {counted} {what}, and the ledger has {listed}."


RUN_PATIENCE = timedelta(minutes=3)
"""A run may wait 120 s for the clock after a start of the machine."""


def windows_of(pairs: Iterable[Sequence[str]]) -> list[Interval]:
    return [(datetime.fromisoformat(begin), datetime.fromisoformat(end)) for begin, end in pairs]
