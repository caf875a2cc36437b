"""Recovery of a spool, the first action of its new owner: finish committed records, record interrupted captures, and
count each one in the file of the programme that chose it. It needs the lock of the spool and no database. A kill may
interrupt any step; the next recovery repeats it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from time import time
from typing import Any, TypeAlias, cast, get_args

from cameras.spool.moments import iso
from cameras.spool.records import CaptureBody, CaptureRecord, Outcome, Plan, Record
from cameras.spool.session_files import SessionFile, session_name
from cameras.spool.spool import Spool
from cameras.tables import OBSERVATIONS
from core.registry import resolve

PART = re.compile(r"(?P<id>[0-9a-f-]{36})\.[a-z0-9]{1,10}\.part\Z")
# Whatever a file contains may raise no other error: it would end this process, and each one after it.
UNREADABLE = (ValueError, KeyError, TypeError, AttributeError)
UNPLACEABLE = (FileNotFoundError, FileExistsError, NotADirectoryError)
"""NotADirectoryError: a symbolic link or a file is in the place of a folder of the archive."""
RECORD_FIELDS = {"kind": str, "id": str, "camera": str, "slug": str, "root": str, "files": list, "body": dict}


@dataclass(slots=True)
class DecidedOutcome:
    """The outcome of a capture that was planned and never recorded."""

    reason: str = "interrupted"
    message: str = "The camera process ended before the picture was safe on the disk."


@dataclass(slots=True)
class Recovered:
    """The result of a recovery. The Supervisor turns it into events and, for `rejected`, an alert."""

    finished: list[str] = field(default_factory=list)
    interrupted: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    rejected: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.finished or self.interrupted or self.removed or self.rejected)


def recover(
    spool: Spool, root: str, decided: DecidedOutcome | None = None, now: Callable[[], float] = time
) -> Recovered:
    """Recover the spool. `root` is the UUID of the storage root; `now` gives seconds since 1970: interrupted captures
    end when they are recovered."""
    result = Recovered()
    # First: a slot that is the second name of a record must not be overwritten with another record.
    result.removed += remove_temporaries(spool)
    # Before any capture is settled: `settle_session` raises if a session file cannot be read.
    _load_sessions(spool, result)
    # Before the plans: a rejected record leaves its plan, by which its capture still gets an outcome.
    for name in _names_with_ending(spool, ".json"):
        _finish_record(spool, name, result)
    for name in _sorted_by_index(spool, _names_with_ending(spool, ".plan")):
        _interrupt_capture(spool, name, root, decided or DecidedOutcome(), now(), result)
    _remove_orphans(spool, result)
    # Loaded again: the captures above have changed the counts in the files.
    for session in _load_sessions(spool, result):
        session.send_outbox(spool)
    return result


def _names_with_ending(spool: Spool, ending: str) -> list[str]:
    # The name of a session file ends with `.json` as well.
    return [name for name in spool.names() if name.endswith(ending) and not name.startswith(("session-", "tmp-"))]


def remove_temporaries(spool: Spool) -> list[str]:
    """Remove temporary files, and slots that became a record or are empty. Returns the names of the temporary files."""
    names = spool.names()
    temporary = [name for name in names if name.startswith("tmp-")]
    # A kill between link and unlink in `Spool.commit`, or within `preallocate`, leaves these.
    used = [name for name in names if name.startswith("slot-") and spool.files.links(spool.folder, name) > 1]
    short = [name for name in names if name.startswith("slot-") and spool.files.size(spool.folder, name) == 0]
    for name in {*temporary, *used, *short}:
        spool.files.unlink(spool.folder, name)
    return temporary


def _finish_record(spool: Spool, name: str, result: Recovered) -> None:
    """Repeat the steps after the commit of a record, or reject it. A full or failing disk rejects nothing: its OSError
    is raised, and the next recovery tries again."""
    try:
        record = checked_record(spool.read(name), name)
        spool.place(record)
    except (*UNREADABLE, *UNPLACEABLE) as error:
        reject_record(spool, name)
        result.rejected.append(f"{name}: {error}")
        return
    settle_session(spool, record)
    spool.done(record)
    result.finished.append(record["id"])


def _interrupt_capture(
    spool: Spool, name: str, root: str, decided: DecidedOutcome, now: float, result: Recovered
) -> None:
    capture = name.removesuffix(".plan")
    # `Spool.done` removes the plan first: only a disk that lost that order has both. The outcome is decided.
    if spool.files.size(spool.folder, f"{capture}.done") is not None:
        spool.files.unlink(spool.folder, name)
        return
    try:
        plan = _checked_plan(spool.read(name), capture)
    except UNREADABLE as error:
        reject_record(spool, name)
        result.rejected.append(f"{name}: {error}")
        return
    record = failed_record(plan, root, decided.reason, decided.message, now=now)
    spool.commit(record)
    # The record names no files, so `done` would leave these parts.
    for part in parts_of(spool, capture):
        spool.files.unlink(spool.folder, part)
    settle_session(spool, record)
    spool.done(record)
    result.interrupted.append(capture)


def failed_record(
    plan: Plan, root: str, reason: str, message: str, outcome: Outcome = "failed", *, now: float
) -> CaptureRecord:
    """The record of a capture without files: its plan and the reason. It ended `now`, in seconds since 1970."""
    body = CaptureBody(
        session=plan["session"],
        index=plan["index"],
        planned=plan["planned"],
        asked=plan["asked"],
        requested_by=plan["requested_by"],
        job=plan["job"],
        outcome=outcome,
        reason=reason,
        message=message[:1000],
        started=None,
        ended=iso(now),
    )
    if "following" in plan:
        body["following"] = plan["following"]
    if "observation" in plan:
        body["observation"] = plan["observation"]
    return CaptureRecord(
        kind="capture", id=plan["id"], camera=plan["camera"], slug=plan["slug"], root=root, files=[], body=body
    )


def settle_session(spool: Spool, record: Record) -> None:
    """Count a capture in the file of its session, before the ingest can see the record."""
    if record["kind"] != "capture":
        return
    settle_observation(spool, record)
    body = record["body"]
    session, index = body.get("session"), body.get("index")
    if not session or index is None:
        return
    name = session_name(session)
    # Without a file the session has ended, or the file was rejected. The ingest counts the capture in the row.
    if spool.files.size(spool.folder, name) is None:
        return
    file = SessionFile.load(spool, name)
    if file.count_outcome(index, body["outcome"], body.get("exposure_us") or 0):
        file.save(spool)


def parts_of(spool: Spool, capture: str) -> list[str]:
    return [name for name in spool.names() if (found := PART.match(name)) and found["id"] == capture]


def _remove_orphans(spool: Spool, result: Recovered) -> None:
    names = spool.names()
    # Not `.done`: step 4 has removed the parts of these records before it renamed them.
    known = {name.partition(".")[0] for name in names if name.endswith((".plan", ".json"))}
    orphans = [name for name in names if (found := PART.match(name)) and found["id"] not in known]
    for name in orphans:
        spool.files.unlink(spool.folder, name)
    result.removed += orphans
    spool.files.sync(spool.folder)


def _load_sessions(spool: Spool, result: Recovered) -> list[SessionFile]:
    """A session file that cannot be read is moved aside, and the counts of the database replace it."""
    found = []
    for name in spool.names():
        if not name.startswith("session-"):
            continue
        try:
            found.append(SessionFile.load(spool, name))
        except FileNotFoundError:
            continue  # the ingest removed it meanwhile
        except UNREADABLE as error:
            reject_record(spool, name)
            result.rejected.append(f"{name}: {error}")
    return found


def reject_record(spool: Spool, name: str) -> None:
    """Move a record with its parts to `rejected`, for an operator to check. It changes no database row."""
    # The record last: after a kill in between it is rejected again, while parts without their record would be removed.
    set_aside(spool, [*parts_of(spool, name.partition(".")[0]), name])


def set_aside(spool: Spool, names: list[str]) -> None:
    """Move files to `rejected`, in this order."""
    aside = f"{spool.folder}/rejected"
    for name in names:
        spool.files.move_aside(spool.folder, name, aside)
    # The new name first: a power cut may leave both names, but not none.
    spool.files.sync(aside)
    spool.files.sync(spool.folder)


def checked_record(content: dict[str, Any], name: str) -> Record:
    """ValueError when the content is not a valid record, or when its id does not match `name`."""
    for key, kind in RECORD_FIELDS.items():
        if not isinstance(content.get(key), kind):
            raise ValueError(f"{key} is missing or has the wrong type")
    if content["id"] != name.rpartition(".")[0]:
        raise ValueError("its id does not match the name of its file")
    for file in content["files"]:
        # A damaged record must not place a file outside of the root, nor in `.spool` or another hidden folder.
        _check_path(file["path"])
        if not PART.match(file["part"]) or not isinstance(file["bytes"], int):
            raise ValueError("it names a file that does not belong to it")
    if content["kind"] == "capture":
        _check_capture(content["body"])
    return cast(Record, content)


def _check_capture(body: Any) -> None:
    """What `settle_session` and the ingest rely on."""
    if body["outcome"] not in get_args(Outcome):
        raise ValueError(f"{body['outcome']!r} is not an outcome")
    if not isinstance(body.get("index"), int | None):
        raise ValueError("its index is not a whole number")
    for reference in body.get("references", []):
        if not isinstance(reference["kind"], str) or not isinstance(reference["place"], str):
            raise ValueError("it refers to a file without a kind or a place")
        if not isinstance(reference["bytes"], int | None) or not isinstance(reference["sha256"], str | None):
            raise ValueError("the size or the hash of a file that it refers to has the wrong type")


def _check_path(path: str) -> None:
    if (
        not path
        or path.startswith("/")
        or any(step in {"", ".", ".."} or step.startswith(".") for step in path.split("/"))
    ):
        raise ValueError(f"{path!r} is outside of the archive")


def _checked_plan(content: dict[str, Any], capture: str) -> Plan:
    if content["id"] != capture:
        raise ValueError("its id does not match the name of its file")
    for key in Plan.__required_keys__:
        if key not in content:
            raise ValueError(f"{key} is missing")
    if not isinstance(content["index"], int | None):
        raise ValueError("its index is not a whole number")
    return cast(Plan, content)


def _sorted_by_index(spool: Spool, names: list[str]) -> list[str]:
    """The plans of a session by index, so that it counts its captures in order; other plans by id."""

    def place(name: str) -> tuple[int, str]:
        try:
            return (int(json.loads(spool.files.read(spool.folder, name)).get("index") or 0), name)
        except (*UNREADABLE, OverflowError):
            return (0, name)  # _interrupt_capture rejects it

    return sorted(names, key=place)


Settle: TypeAlias = Callable[[Spool, CaptureRecord], list[str]]
"""An entry of OBSERVATIONS: counts the outcome of a capture, before the ingest can see its record, and returns the ids
of the records that it has sent. Repeated, it changes nothing."""


def settle_observation(spool: Spool, record: CaptureRecord) -> list[str]:
    """Count a capture in the file of the programme that chose it, if one did."""
    observation = record["body"].get("observation")
    # A later version may have kinds that this one does not know.
    path = OBSERVATIONS.get(observation["kind"]) if observation else None
    if path is None:
        return []
    settle: Settle = resolve(path)
    return settle(spool, record)
