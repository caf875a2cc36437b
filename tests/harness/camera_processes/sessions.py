"""The sessions of one camera, with a real spool and a clock that the test controls."""

from __future__ import annotations

import contextlib
import errno
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, cast
from unittest.mock import Mock

import pytest
import uuid6

from cameras.runtime.due_stills import Due
from cameras.runtime.messages import SessionStatus
from cameras.runtime.session_runner import SessionRunner
from cameras.spool.durable import RootFiles
from cameras.spool.records import FollowingStart, Outcome, Plan
from cameras.spool.recovery import failed_record, recover
from cameras.spool.session_files import DesiredSession, session_name
from cameras.spool.spool import Spool, open_spool_folder
from tests.harness.clocks.camera_clock import SetClock

CAMERA = "0193a000-0000-7000-8000-000000000001"
ROOT = "0193a000-0000-7000-8000-000000000002"
SESSION = "0193a000-0000-7000-8000-000000000003"


class Counts(NamedTuple):
    """Of the captures of a session."""

    planned: int
    saved: int
    failed: int = 0
    skipped: int = 0


class Shot(NamedTuple):
    """A capture: its index, and its start in seconds of the boot clock."""

    index: int
    at_s: float


class SessionBench:
    def __init__(self, folder: Path, length_s: float = 8.0, **programme: Any) -> None:
        self.clock, self.length_s, self.readout_s, self.programme = SetClock(), length_s, 0.0, programme
        self.overlaps = False
        """Whether the camera exposes while pictures are fetched."""
        self.files = RootFiles(str(folder))
        open_spool_folder(self.files, CAMERA)
        self.spool = Spool(self.files, CAMERA)
        self.start_process()

    def start_process(self) -> None:
        """Start a new camera process on this spool."""
        recover(self.spool, ROOT)
        self.runner = SessionRunner(self.clock, CAMERA, "sim", ROOT)
        self.runner.attach_spool(self.spool)

    def apply_desired(
        self, desired: Any = "running", revision: int = 1, session: str = SESSION, so_far: dict[str, int] | None = None
    ) -> SessionStatus:
        return self.runner.apply_desired_session(
            DesiredSession(
                id=session, name="", revision=revision, desired=desired, created_by="", so_far=so_far or {},
                programme={"exposure_us": round(self.length_s * 1e6), **self.programme},  # type: ignore[typeddict-item]
            )
        )  # fmt: skip

    def due(self, *, unreachable: bool = False) -> Due | None:
        return self.runner.next_due(self.readout_s, unreachable=unreachable, overlaps=self.overlaps)

    def next(self) -> Due:
        found = self.due()
        assert found is not None, "nothing is due"
        return found

    def plan(self) -> Plan:
        """Wait for the next start and open the shutter."""
        self.clock.go_on(max(0.0, self.next().in_s))
        due, now = self.next(), self.clock.moment()
        capture = str(uuid6.uuid7())
        plan = Plan(
            id=capture, camera=CAMERA, slug="sim", session=due.session, index=due.index, planned=now.iso(),
            boot=now.boot, boot_s=now.boot_s, deadline_s=20.0, path=f"captures/sim/{capture}", asked=due.requested,
            requested_by="", job="", following=cast(FollowingStart, due.following),
        )  # fmt: skip
        self.runner.mark_planned(due.index)
        self.spool.plan(plan)
        return plan

    def expose(self) -> Plan:
        """One exposure, from the wait to its end. Its picture is to be fetched."""
        plan = self.plan()
        self.clock.go_on(self.length_s)
        assert plan["index"] is not None
        self.runner.mark_exposed(plan["index"])
        return plan

    def settle(self, plan: Plan, outcome: Outcome = "saved", took_s: float | None = None) -> None:
        self.clock.go_on(self.length_s if took_s is None else took_s)
        reason = "" if outcome == "saved" else "camera_error"
        record = failed_record(plan, ROOT, reason, "", outcome, now=self.clock.wall)
        self.spool.commit(record)
        self.runner.settle_capture(self.spool, record)
        self.spool.done(record)

    def shoot(self, outcome: Outcome = "saved", took_s: float | None = None) -> Shot:
        """One capture, from the wait to the record."""
        plan = self.plan()
        started = self.clock.boot_s
        self.settle(plan, outcome, took_s)
        assert plan["index"] is not None
        return Shot(plan["index"], started)

    def records(self, kind: str) -> list[dict[str, Any]]:
        """The bodies of the records that wait for the ingest, in the order of their ids."""
        records = [json.loads(self.spool.files.read(self.spool.folder, n)) for n in self.spool.names() if "done" in n]
        return [record["body"] for record in records if record["kind"] == kind]

    def ingest(self) -> None:
        """Ingest everything: the file of a finished session is removed with its last record."""
        for name in [name for name in self.spool.names() if name.endswith(".done")]:
            self.spool.files.unlink(self.spool.folder, self.spool.read(name).get("settles", ""))
            self.spool.files.unlink(self.spool.folder, name)

    @contextlib.contextmanager
    def failing(self, step: str) -> Iterator[None]:
        """This step of the spool fails as on a broken disk, until the block ends."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(self.spool, step, Mock(side_effect=OSError(errno.EIO, "Input/output error")))
            yield

    def forget_session(self, session: str = SESSION) -> None:
        self.spool.files.unlink(self.spool.folder, session_name(session))

    def shoot_all(self) -> int:
        """Capture until the session ends. Returns how many captures were exposed."""
        exposed = 0
        while self.wait_for_start():
            self.shoot()
            exposed += 1
        return exposed

    def shoot_at_most(self, captures: int) -> None:
        """This number of captures, or fewer if the session ends before."""
        for _ in range(captures):
            if self.wait_for_start():
                self.shoot()

    def wait_for_start(self) -> bool:
        """Wait, as the camera loop does, until a capture may start; False when the session has ended."""
        while (due := self.due()) and due.in_s > 0:
            self.clock.wait(min(1.0, due.in_s))
        return due is not None

    @property
    def status(self) -> SessionStatus:
        session = self.runner.describe_session()
        assert session is not None
        return session

    @property
    def last_report(self) -> dict[str, Any]:
        """The newest change of state."""
        return self.records("session")[-1]

    @property
    def counts(self) -> Counts:
        session = self.runner.describe_session()
        assert session is not None
        return Counts(session["planned"], session["saved"], session["failed"], session["skipped"])
