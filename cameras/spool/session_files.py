"""The file of a session in its spool: `session-<id>.json`, replaced durably when a capture is settled.

The session continues from it without database or broker, and resumes from it after a restart.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NotRequired, TypedDict

import uuid6

from cameras.spool.spool import Record, Spool
from core.dataclass_json import dataclass_from_json

TERMINAL = frozenset({"finished", "stopped", "failed"})


class Programme(TypedDict):
    """What a session captures. Exactly one of `delay_s` and `cadence_s` is given.

    `delay_s` is the time from the saved capture to the next start; `cadence_s` the time from start to start.
    """

    exposure_us: int
    delay_s: NotRequired[float]
    cadence_s: NotRequired[float]
    f_number: NotRequired[float]
    iso: NotRequired[int]
    gain: NotRequired[float]
    format: NotRequired[str]
    count: NotRequired[int]
    until: NotRequired[str]


class DesiredSession(TypedDict):
    """The desired state of a session in the database. The higher `revision` wins. `so_far` replaces a lost file."""

    id: str
    name: str
    revision: int
    desired: str
    programme: Programme
    created_by: str
    so_far: dict[str, int]


@dataclass(frozen=True, slots=True)
class Moment:
    """A time that is not affected by a jump of the wall clock, as long as the machine stays up."""

    wall: float
    boot: str
    boot_s: float

    def seconds_until(self, now: Moment) -> float:
        """By the boot clock within one boot, otherwise by the wall clock."""
        return now.boot_s - self.boot_s if now.boot == self.boot else now.wall - self.wall

    def on_boot_of(self, now: Moment) -> Moment:
        """The same time on the boot clock of `now`; assumes that its wall clock is right."""
        return self if self.boot == now.boot else Moment(self.wall, now.boot, now.boot_s - (now.wall - self.wall))

    def earlier(self, seconds: float) -> Moment:
        return Moment(self.wall - seconds, self.boot, self.boot_s - seconds)

    def iso(self) -> str:
        return iso(self.wall)


def iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


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
    state: str = "running"
    settled: int = -1
    saved: int = 0
    failed: int = 0
    skipped: int = 0
    exposure_us: int = 0
    reported: int = 0
    """The number of the last change of state: the ingest skips records of lower numbers."""
    reason: str = ""
    message: str = ""
    outbox: list[Record] = field(default_factory=list)

    @classmethod
    def begin(cls, desired_session: DesiredSession, camera: str, slug: str, root: str, now: Moment) -> SessionFile:
        """A new session; where `so_far` already counts captures, the next one starts now."""
        so_far = desired_session["so_far"]
        passed_s = so_far.get("planned", 0) * desired_session["programme"].get("cadence_s", 0.0)
        return cls(
            id=desired_session["id"],
            name=desired_session["name"],
            camera=camera,
            slug=slug,
            root=root,
            revision=desired_session["revision"],
            programme=desired_session["programme"],
            created_by=desired_session["created_by"],
            anchor=now.earlier(passed_s),
            last_end=now,
            settled=so_far.get("planned", 0) - 1,
            saved=so_far.get("saved", 0),
            failed=so_far.get("failed", 0),
            skipped=so_far.get("skipped", 0),
            exposure_us=so_far.get("exposure_us", 0),
            reported=so_far.get("reported", 0),
        )

    @classmethod
    def load(cls, spool: Spool, name: str) -> SessionFile:
        """ValueError, TypeError or KeyError when the file is not what `save` wrote."""
        content = spool.read(name)
        if "told" in content:  # `reported`, in the file of an older version: a station may be upgraded during a session
            content.setdefault("reported", content["told"])
        for key in ("anchor", "last_end"):
            content[key] = dataclass_from_json(Moment, content[key])
        return dataclass_from_json(cls, content)

    def save(self, spool: Spool) -> None:
        moments = {"anchor": self.anchor, "last_end": self.last_end}
        content: dict[str, Any] = {key: getattr(self, key) for key in self.__dataclass_fields__ if key not in moments}
        for key, moment in moments.items():
            content[key] = {"wall": moment.wall, "boot": moment.boot, "boot_s": moment.boot_s}
        spool.replace(session_name(self.id), content)

    @property
    def active(self) -> bool:
        return self.state not in TERMINAL

    @property
    def planned(self) -> int:
        return self.settled + 1

    def count_outcome(self, index: int, outcome: str, exposure_us: int = 0) -> bool:
        """Count the outcome of `index`. False when it is counted already."""
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
        body = {
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
        self.outbox.append(self._record("gap", body))

    def change_state(self, state: str, reason: str = "", message: str = "", **used: Any) -> None:
        """Change to `state`. The next `save_and_send` sends it, with `used`: `actual` and `warnings` of the camera."""
        self.state, self.reason, self.message = state, reason, message
        self.reported += 1
        body = {
            **used,
            "session": self.id,
            "number": self.reported,
            "state": state,
            "reason": reason,
            "message": message,
            "at": iso(datetime.now(UTC).timestamp()),
            "revision": self.revision,
            "planned": self.planned,
            "saved": self.saved,
            "failed": self.failed,
            "skipped": self.skipped,
        }
        record = self._record("session", body)
        if not self.active:
            record["settles"] = session_name(self.id)
        self.outbox.append(record)

    def _record(self, kind: str, body: dict[str, Any]) -> Record:
        return Record(
            kind=kind,
            id=str(uuid6.uuid7()),
            camera=self.camera,
            slug=self.slug,
            root=self.root,
            files=[],
            body=body,
        )

    def save_and_send(self, spool: Spool) -> list[str]:
        """Save, then send the records of the outbox. Returns the ids of the records that the ingest can read now."""
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
        if self.outbox and self.active:
            self.outbox = []
        return sent
