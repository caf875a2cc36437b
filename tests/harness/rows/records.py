"""Records as a camera process leaves them, for the ingest."""

from __future__ import annotations

import time
from typing import Any

import uuid6

from cameras.spool.durable import RootFiles
from cameras.spool.moments import Moment
from cameras.spool.records import CaptureRecord, Outcome, Plan, Record
from cameras.spool.recovery import failed_record
from cameras.spool.session_files import DesiredSession, SessionFile
from cameras.spool.spool import Spool, open_spool_folder
from tests.harness.rows.archive import Archive


def spool_of(archive: Archive) -> Spool:
    files = RootFiles(str(archive.folder))
    open_spool_folder(files, str(archive.camera.id))
    return Spool(files, str(archive.camera.id))


def write_records(archive: Archive, *records: Record) -> list[str]:
    """Write them into the spool, as the ingest finds them."""
    spool = spool_of(archive)
    for record in records:
        spool.commit(record)
        spool.done(record)
    spool.files.close()  # type: ignore[attr-defined]
    return [record["id"] for record in records]


def write_raw(archive: Archive, content: bytes) -> str:
    record, spool = str(uuid6.uuid7()), spool_of(archive)
    spool.files.create(spool.folder, f"{record}.done", [content])
    spool.files.close()  # type: ignore[attr-defined]
    return record


def capture_record(
    archive: Archive, outcome: Outcome = "failed", capture: str | None = None, **plan: Any
) -> CaptureRecord:
    filled: dict[str, Any] = {
        "id": capture or str(uuid6.uuid7()), "camera": str(archive.camera.id), "slug": "sim", "session": None,
        "index": None, "planned": "2026-01-01T00:00:00Z", "asked": {}, "requested_by": "tester", "job": "", **plan,
    }  # fmt: skip
    reason = "" if outcome == "saved" else "camera_error"
    record = failed_record(Plan(**filled), str(archive.root.id), reason, "", outcome, now=time.time())  # type: ignore[typeddict-item]
    record["body"]["exposure_us"] = 1000
    return record


def session_records(archive: Archive, session: str, gap: int, after: int = 0) -> list[Record]:
    """The records of a session that runs, misses `gap` captures after the first `after`, and ends."""
    file = new_session_file(archive, session)
    now = file.anchor
    file.settled += after
    file.add_gap(now, now, gap, "camera_unreachable", "It was gone.")
    file.change_state("finished", now)
    return file.outbox


def write_ended_session(archive: Archive, session: str) -> list[str]:
    """A session that has ended: its file and its records are in the spool."""
    file, spool = new_session_file(archive, session), spool_of(archive)
    file.change_state("finished", file.anchor)
    records = file.save_and_send(spool)
    spool.files.close()  # type: ignore[attr-defined]
    return records


def planned_session_file(
    archive: Archive, session: str, windows: list[tuple[str, str]], taken_from: str = ""
) -> SessionFile:
    """A session that its camera begins from its agenda; it has no state yet."""
    desired_session = DesiredSession(
        id=session, name="night", revision=1, desired="running", created_by="planner", so_far={},
        programme={"exposure_us": 1000, "cadence_s": 60.0, "windows": windows}, taken_from=taken_from,
    )  # fmt: skip
    now = Moment(1_800_000_000.0, "boot", 10.0)
    return SessionFile.begin(desired_session, str(archive.camera.id), "sim", str(archive.root.id), now)


def new_session_file(archive: Archive, session: str) -> SessionFile:
    desired_session = DesiredSession(
        id=session, name="", revision=1, desired="running", created_by="", so_far={}, programme={"exposure_us": 1000}
    )
    now = Moment(1_800_000_000.0, "boot", 10.0)
    file = SessionFile.begin(desired_session, str(archive.camera.id), "sim", str(archive.root.id), now)
    file.change_state("running", now)
    return file
