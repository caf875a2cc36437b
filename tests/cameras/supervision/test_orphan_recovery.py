"""What an earlier Supervisor left behind: processes that hang, and spools without an owner."""

from __future__ import annotations

import dataclasses
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cameras.spool.storage import MARKER
from cameras.supervision import ingest
from cameras.supervision.child import kill_orphans, write_register
from captures.models import Capture, Session
from core.processes import start_time
from tests.harness.camera_processes.camera_process import CameraProcess
from tests.harness.rows.archive import Archive
from tests.harness.waiting import PATIENCE_S

LONG_US = 600_000_000
"""An exposure that does not end within a test."""


@pytest.fixture
def hung() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
    yield process
    process.kill()
    process.wait()


def test_a_process_left_by_an_earlier_supervisor_is_killed(tmp_path: Path, hung: subprocess.Popen[bytes]) -> None:
    write_register(tmp_path / "register", [(hung.pid, start_time(hung.pid))])
    assert kill_orphans(tmp_path / "register") == [hung.pid]
    assert hung.wait(PATIENCE_S) == -signal.SIGKILL


@pytest.mark.parametrize("began", ["1", None])
def test_a_process_that_only_has_the_same_pid_is_left_alone(
    tmp_path: Path, hung: subprocess.Popen[bytes], began: str | None
) -> None:
    write_register(tmp_path / "register", [(hung.pid, began)])
    assert kill_orphans(tmp_path / "register") == []
    assert hung.poll() is None


@pytest.mark.parametrize("content", [None, "", "{", "5", "[5]", "[[1]]", '{"a": 1}', '[["x", "y"]]', "[[1, 2, 3]]"])
def test_an_unreadable_register_kills_no_process(tmp_path: Path, content: str | None) -> None:
    register = tmp_path / "register"
    if content is not None:
        register.write_text(content)
    assert kill_orphans(register) == []


@pytest.fixture
def archive(tmp_path: Path, db: None) -> Archive:
    return Archive(tmp_path)


def killed_in_an_exposure(archive: Archive) -> str:
    with CameraProcess(archive.folder, str(archive.camera.id)) as process:
        capture = process.capture(str(archive.planned().pk), exposure_us=LONG_US)
        process.wait_for_type("state", doing="exposing")
    return capture


def stopped(archive: Archive, session: Session) -> Any:
    session.desired, session.revision = Session.Desired.STOPPED, 2
    session.save()
    return dataclasses.replace(archive.desired(), session=archive.desired_session(session))


def test_a_spool_without_an_owner_is_recovered(archive: Archive) -> None:
    capture = killed_in_an_exposure(archive)
    ingest.recover_spool(archive.desired())
    archive.ingest()
    assert Capture.objects.get(pk=capture).reason == "interrupted"
    assert archive.inconsistencies() == []


def test_a_spool_with_an_owner_is_left_alone(archive: Archive) -> None:
    with CameraProcess(archive.folder, str(archive.camera.id)) as process:
        process.capture(str(archive.planned().pk), exposure_us=LONG_US)
        process.wait_for_type("state", doing="exposing")
        ingest.recover_spool(archive.desired())
        assert process.done() == {}


def test_a_spool_whose_root_is_not_mounted_is_left_alone(archive: Archive) -> None:
    killed_in_an_exposure(archive)
    (archive.folder / MARKER).unlink()
    before = sorted(archive.spool.iterdir())
    ingest.recover_spool(archive.desired())
    assert sorted(archive.spool.iterdir()) == before


def test_a_spool_that_cannot_be_opened_delays_no_other(archive: Archive) -> None:
    killed_in_an_exposure(archive)
    (archive.spool / ".lock").unlink()
    (archive.spool / ".lock").mkdir()
    ingest.recover_spool(archive.desired())
    assert list(archive.spool.glob("*.plan")) != []


def test_a_session_of_a_camera_without_a_process_is_stopped(archive: Archive) -> None:
    session = archive.session(cadence_s=60)
    with CameraProcess(archive.folder, str(archive.camera.id), session=archive.desired_session(session)) as process:
        process.wait_for_message(lambda m: m["type"] == "state" and m["session"] and m["session"]["saved"] == 1)
    ingest.recover_spool(stopped(archive, session))
    archive.ingest()
    session.refresh_from_db()
    assert session.state == "stopped"
    assert session.saved == 1
    assert archive.inconsistencies() == []


def test_a_session_that_never_reached_a_spool_is_stopped_too(archive: Archive) -> None:
    session = archive.session(cadence_s=60)
    ingest.recover_spool(stopped(archive, session))
    archive.ingest()
    session.refresh_from_db()
    assert session.state == "stopped"
    assert session.message == "It was stopped before it began."


def test_stopping_twice_records_one_stop(archive: Archive) -> None:
    session = archive.session(cadence_s=60)
    desired = stopped(archive, session)
    ingest.recover_spool(desired)
    ingest.recover_spool(desired)
    records = [json.loads(path.read_text()) for path in archive.spool.glob("*.done")]
    assert [record["body"]["state"] for record in records] == ["stopped"]
