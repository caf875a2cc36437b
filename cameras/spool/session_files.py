"""The file of a session in its spool: `session-<id>.json`, replaced durably when a capture is settled.

The session continues from it without database or broker, and resumes from it after a restart.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Literal, NotRequired, TypedDict

import uuid6

from cameras.spool.moments import Moment, Window, iso, parse_windows
from cameras.spool.records import (
    GapBody,
    GapRecord,
    Outcome,
    Programme,
    SessionBody,
    SessionContent,
    SessionDescription,
    SessionRecord,
    UsedSettings,
)
from cameras.spool.spool import Spool
from core.dataclass_json import dataclass_from_json

# Commands of the command line read messages that name this module, and need no exposure control.
if TYPE_CHECKING:
    from cameras.exposure.control import ControlState

State = Literal["planned", "waiting", "running", "paused", "finished", "stopped", "failed"]
Cause = Literal["desired", "window", "over", "superseded"]
MOVES: dict[State, dict[State, Cause]] = {
    "planned": {"waiting": "desired", "running": "desired", "paused": "desired", "stopped": "desired"},
    "waiting": {
        "running": "window",
        "paused": "desired",
        "stopped": "desired",
        "finished": "over",
        "failed": "superseded",
    },
    "running": {
        "waiting": "window",
        "paused": "desired",
        "stopped": "desired",
        "finished": "over",
        "failed": "superseded",
    },
    "paused": {
        "waiting": "desired",
        "running": "desired",
        "stopped": "desired",
        "finished": "over",
        "failed": "superseded",
    },
    "finished": {},
    "stopped": {},
    "failed": {},
}
"""State -> the states that may follow, and what causes each move: `desired`, a newer desired state of the database;
`window`, the begin or the end of a window of its programme; `over`, the last capture or the end of its programme;
`superseded`, another session that the database desires. A planned run that takes the camera over stops a session as
well. A session is `planned` only until its file is written for the
first time."""


class DesiredSession(TypedDict):
    """The desired state of a session in the database. The higher `revision` wins. `so_far` replaces a lost file."""

    id: str
    name: str
    revision: int
    desired: Literal["running", "paused", "stopped"]
    programme: Programme
    created_by: str
    taken_from: NotRequired[str]
    """The user from whom a planned run takes the camera over."""
    so_far: dict[str, int]


def new_id() -> str:
    """A UUID that is greater than all before it."""
    return str(uuid6.uuid7())


def session_name(session: str) -> str:
    return f"session-{session}.json"


@dataclass(slots=True)
class SessionFile:
    """The state of one session. `settled` is the last index with an outcome, -1 before the first. So `settled + 1` =
    saved + failed + skipped, always."""

    id: str
    name: str
    camera: str
    slug: str
    root: str
    revision: int
    programme: Programme
    created_by: str
    anchor: Moment
    last_end: Moment
    anchor_index: int = 0
    """The index of the capture that was due at `anchor`."""
    closed_windows: int = 0
    """How many of the windows are over and accounted for."""
    window_end: Moment | None = None
    """The end of the open window; None while none is open."""
    control: ControlState | None = None
    """Of automatic exposure: the settings of the next cycle, and why."""
    state: State = "running"
    settled: int = -1
    saved: int = 0
    failed: int = 0
    skipped: int = 0
    exposure_us: int = 0
    reported: int = 0
    """The number of the last change of state: the ingest skips records of lower numbers."""
    reason: str = ""
    message: str = ""
    taken_from: str = ""
    """Who held the camera when a planned run took it over for this session."""
    outage: tuple[str, str] | None = None
    """Reason and sentence for which its starts are missed at present; a gap after a restart has them."""
    outbox: list[GapRecord | SessionRecord] = field(default_factory=list)

    @classmethod
    def begin(cls, desired_session: DesiredSession, camera: str, slug: str, root: str, now: Moment) -> SessionFile:
        """A new session; where `so_far` already counts captures, the next one starts now."""
        so_far = desired_session["so_far"]
        planned = so_far.get("planned", 0)
        session = cls(
            id=desired_session["id"],
            name=desired_session["name"],
            camera=camera,
            slug=slug,
            root=root,
            revision=desired_session["revision"],
            programme=desired_session["programme"],
            created_by=desired_session["created_by"],
            taken_from=desired_session.get("taken_from", ""),
            anchor=now,
            anchor_index=planned,
            last_end=now,
            state="planned",
            settled=planned - 1,
            saved=so_far.get("saved", 0),
            failed=so_far.get("failed", 0),
            skipped=so_far.get("skipped", 0),
            exposure_us=so_far.get("exposure_us", 0),
            reported=so_far.get("reported", 0),
        )
        if planned:
            session._skip_counted_windows(now)
        return session

    def _skip_counted_windows(self, now: Moment) -> None:
        """The database has counted what was missed until now; of the open window only the rest is left."""
        windows = parse_windows(self.programme)
        self.closed_windows = sum(window.end <= now.wall for window in windows)
        for window in windows[self.closed_windows : self.closed_windows + 1]:
            if window.begin <= now.wall:
                self.window_end = now.at_wall(window.end)

    @classmethod
    def load(cls, spool: Spool, name: str) -> SessionFile:
        """ValueError, TypeError or KeyError when the file is not what `save` wrote."""
        content = spool.read(name)
        if "told" in content:  # `reported`, in the file of an older version: a station may be upgraded during a session
            content.setdefault("reported", content["told"])
        if content["state"] not in MOVES:
            raise ValueError(f"{content['state']!r} is not a state of a session")
        for key in ("anchor", "last_end", "window_end"):
            if content.get(key) is not None:
                content[key] = dataclass_from_json(Moment, content[key])
        if content.get("outage") is not None:
            reason, sentence = content["outage"]
            content["outage"] = (str(reason), str(sentence))
        return dataclass_from_json(cls, content)

    def save(self, spool: Spool) -> None:
        content = SessionContent(
            id=self.id,
            name=self.name,
            camera=self.camera,
            slug=self.slug,
            root=self.root,
            revision=self.revision,
            programme=self.programme,
            created_by=self.created_by,
            taken_from=self.taken_from,
            outage=self.outage,
            state=self.state,
            settled=self.settled,
            saved=self.saved,
            failed=self.failed,
            skipped=self.skipped,
            exposure_us=self.exposure_us,
            reported=self.reported,
            reason=self.reason,
            message=self.message,
            outbox=self.outbox,
            anchor=self.anchor.content(),
            last_end=self.last_end.content(),
            anchor_index=self.anchor_index,
            closed_windows=self.closed_windows,
            window_end=self.window_end.content() if self.window_end else None,
            control=self.control,
        )
        spool.replace(session_name(self.id), content)

    @property
    def active(self) -> bool:
        """Whether it has not ended."""
        return bool(MOVES[self.state])

    @property
    def is_running(self) -> bool:
        """Whether it captures now: it neither waits for a window, nor is it paused or ended."""
        return self.state == "running"

    @property
    def follows_time(self) -> bool:
        """Whether its captures are due by the clock, now or in a window to come."""
        return self.state in ("running", "waiting")

    # Windows

    @property
    def next_window(self) -> Window | None:
        """The open window, or the next one; None when all are over, and for a programme without windows."""
        windows = parse_windows(self.programme)
        return windows[self.closed_windows] if self.closed_windows < len(windows) else None

    def open_window(self, window: Window, now: Moment) -> None:
        """Its captures count from its begin, also when it began before `now`."""
        self.anchor = self.last_end = now.at_wall(window.begin)
        self.anchor_index, self.window_end = self.planned, now.at_wall(window.end)

    def close_window(self) -> None:
        self.closed_windows, self.window_end = self.closed_windows + 1, None

    @property
    def cadence_s(self) -> float | None:
        """Seconds from start to start: a late start is lost. None with `delay_s`."""
        return self.programme.get("cadence_s")

    @property
    def planned(self) -> int:
        return self.settled + 1

    def anchor_to_boot_of(self, now: Moment) -> None:
        """From now on a jump of the wall clock moves no start, even if the session began before the last boot.

        If the last capture lies in the future, the wall clock is behind: then no time counts as passed.
        """
        anchor = self.anchor.on_boot_of(now)
        # On the boot of the anchor the wall clock may have been set between the two.
        took_s = self.anchor.seconds_until(self.last_end)
        last_end = self.last_end if self.last_end.boot == now.boot else anchor.at_boot_s(anchor.boot_s + took_s)
        ahead_s = max(0.0, last_end.boot_s - now.boot_s)
        self.anchor, self.last_end = anchor.earlier(ahead_s), last_end.earlier(ahead_s)
        if self.window_end is not None:
            self.window_end = self.window_end.on_boot_of(now)

    def count_outcome(self, index: int, outcome: Outcome, exposure_us: int = 0) -> bool:
        """Count the outcome of `index`. False when it is counted already."""
        # A recovery settles a record again after a kill between the steps 3a and 4.
        if index <= self.settled:
            return False
        if index > self.settled + 1:
            lost = index - self.settled - 1
            self.add_gap(self.last_end, self.last_end, lost, "write_error", "The records of these captures were lost.")
        self.settled = index
        setattr(self, outcome, getattr(self, outcome) + 1)
        if outcome == "saved":
            self.exposure_us += exposure_us
        return True

    def add_gap(self, since: Moment, until: Moment, count: int, reason: str, message: str) -> None:
        """Record the captures that an outage prevented, as one gap. The next `save_and_send` sends it."""
        body: GapBody = {
            "session": self.id,
            "from": since.iso(),
            "to": until.iso(),
            "first_index": self.settled + 1,
            "count": count,
            "reason": reason,
            "message": message,
        }
        self.settled += count
        self.skipped += count
        # The id is stored with the record: sent twice, it is ingested once.
        self.outbox.append(
            GapRecord(kind="gap", id=new_id(), camera=self.camera, slug=self.slug, root=self.root, files=[], body=body)
        )

    def change_state(
        self, state: State, now: Moment, reason: str = "", message: str = "", used: UsedSettings | None = None
    ) -> None:
        """Change to `state`. The next `save_and_send` sends it, with what the camera will use. ValueError for a change
        that is not in MOVES."""
        if state not in MOVES[self.state]:
            raise ValueError(f"The session {self.id} is {self.state} and cannot become {state}.")
        self.state, self.reason, self.message = state, reason, message
        self.reported += 1
        record = SessionRecord(
            kind="session",
            id=new_id(),
            camera=self.camera,
            slug=self.slug,
            root=self.root,
            files=[],
            body=self._describe_state(now, used),
        )
        # The file stays until its end is in the database. Without it a new process would begin the session again.
        if not self.active:
            record["settles"] = session_name(self.id)
        self.outbox.append(record)

    def _describe_state(self, now: Moment, used: UsedSettings | None) -> SessionBody:
        body: SessionBody = {
            "session": self.id,
            "number": self.reported,
            "state": self.state,
            "reason": self.reason,
            "message": self.message,
            "at": now.iso(),
            "revision": self.revision,
            "planned": self.planned,
            "saved": self.saved,
            "failed": self.failed,
            "skipped": self.skipped,
        }
        body.update(used or {})  # type: ignore[typeddict-item]
        if self.reported == 1:
            body["description"] = SessionDescription(
                name=self.name, programme=self.programme, created_by=self.created_by
            )
            if self.taken_from:
                body["description"]["taken_from"] = self.taken_from
        if self.state == "waiting" and (window := self.next_window):
            body["next"] = iso(window.begin)
        return body

    def restore(self, before: SessionFile) -> None:
        """Become `before` again."""
        for one in fields(self):
            setattr(self, one.name, getattr(before, one.name))

    def save_and_send(self, spool: Spool) -> list[str]:
        """Save, then send the records of the outbox. Returns the ids of the records that the ingest can read now."""
        # Saved first: after a kill the session would otherwise record a gap that was sent again, under another id.
        self.save(spool)
        return self.send_outbox(spool)

    def send_outbox(self, spool: Spool) -> list[str]:
        """Send the outbox of a saved file. A record may be sent again after a kill: the ingest ignores the second."""
        sent = []
        for record in self.outbox:
            if not spool.has_trace(record["id"]):
                with contextlib.suppress(FileExistsError):
                    spool.commit(record)
            if spool.files.size(spool.folder, f"{record['id']}.json") is not None:
                spool.done(record)
            sent.append(record["id"])
        # Only in memory: the file loses them with its next save, and a restart before that sends them again.
        if self.outbox and self.active:
            self.outbox = []
        return sent


def load_active_session(spool: Spool) -> SessionFile | None:
    """The session that the spool holds and that has not ended."""
    for name in spool.names():
        if name.startswith("session-"):
            with contextlib.suppress(FileNotFoundError):  # the ingest removed it meanwhile
                session = SessionFile.load(spool, name)
                if session.active:
                    return session
    return None


def find_session(spool: Spool, session: str) -> SessionFile | None:
    """A session by its id, active or ended; None when the spool has no file of it."""
    name = session_name(session)
    return SessionFile.load(spool, name) if spool.files.size(spool.folder, name) is not None else None
