"""What a predecessor left: processes that hang, and spools that nobody owns."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cameras.runtime.storage import MARKER
from cameras.supervision import leftovers
from cameras.supervision.child import kill_leftovers, note_children, start_time
from captures.models import Capture, Session
from tests.faults.camera_process import CameraProcess
from tests.faults.ledger import Archive


@pytest.fixture
def hung() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
    yield process
    process.kill()
    process.wait()


def test_a_process_that_a_predecessor_left_is_killed(tmp_path: Path, hung: subprocess.Popen[bytes]) -> None:
    note_children(tmp_path / "register", [(hung.pid, start_time(hung.pid))])
    assert kill_leftovers(tmp_path / "register") == [hung.pid]
    assert hung.wait(5) == -9


@pytest.mark.parametrize("began", ["1", None])
def test_a_process_that_only_has_the_same_pid_is_left_alone(
    tmp_path: Path, hung: subprocess.Popen[bytes], began: str | None
) -> None:
    note_children(tmp_path / "register", [(hung.pid, began)])
    assert (kill_leftovers(tmp_path / "register"), hung.poll()) == ([], None)


@pytest.mark.parametrize("content", [None, "", "{", "5", "[5]", "[[1]]", '{"a": 1}', '[["x", "y"]]', "[[1, 2, 3]]"])
def test_a_register_that_cannot_be_read_kills_nobody(tmp_path: Path, content: str | None) -> None:
    register = tmp_path / "register"
    if content is not None:
        register.write_text(content)
    assert kill_leftovers(register) == []


@pytest.fixture
def archive(tmp_path: Path, db: None) -> Archive:
    return Archive(tmp_path)


def killed_in_an_exposure(archive: Archive) -> str:
    with CameraProcess(archive.folder, str(archive.camera.id)) as process:
        capture = process.capture(str(archive.planned().pk), exposure_us=10_000_000)
        process.until_type("state", doing="exposing")
    return capture


def stopped(archive: Archive, session: Session) -> Any:
    session.desired, session.revision = Session.Desired.STOPPED, 2
    session.save()
    return dataclasses.replace(archive.wish(), session=archive.desired_session(session))


def test_a_spool_without_an_owner_is_settled(archive: Archive) -> None:
    capture = killed_in_an_exposure(archive)
    leftovers.settle(archive.wish())
    archive.ingest()
    assert (Capture.objects.get(pk=capture).reason, archive.wrongs()) == ("interrupted", [])


def test_a_spool_with_an_owner_is_left_alone(archive: Archive) -> None:
    with CameraProcess(archive.folder, str(archive.camera.id)) as process:
        process.capture(str(archive.planned().pk), exposure_us=10_000_000)
        process.until_type("state", doing="exposing")
        leftovers.settle(archive.wish())
        assert process.done() == {}


def test_a_spool_whose_root_is_not_mounted_is_left_alone(archive: Archive) -> None:
    killed_in_an_exposure(archive)
    (archive.folder / MARKER).unlink()
    before = sorted(archive.spool.iterdir())
    leftovers.settle(archive.wish())
    assert sorted(archive.spool.iterdir()) == before


def test_a_spool_that_cannot_be_opened_stops_nobody_else(archive: Archive) -> None:
    killed_in_an_exposure(archive)
    (archive.spool / ".lock").unlink()
    (archive.spool / ".lock").mkdir()
    leftovers.settle(archive.wish())
    assert list(archive.spool.glob("*.plan")) != []


def test_a_session_of_a_camera_without_a_process_is_stopped(archive: Archive) -> None:
    session = archive.session(cadence_s=60)
    with CameraProcess(archive.folder, str(archive.camera.id), session=archive.desired_session(session)) as process:
        process.until(lambda m: m["type"] == "state" and m["session"] and m["session"]["saved"] == 1)
    leftovers.settle(stopped(archive, session))
    archive.ingest()
    session.refresh_from_db()
    assert (session.state, session.saved, archive.wrongs()) == ("stopped", 1, [])


def test_a_session_that_never_reached_a_spool_is_stopped_too(archive: Archive) -> None:
    session = archive.session(cadence_s=60)
    leftovers.settle(stopped(archive, session))
    archive.ingest()
    session.refresh_from_db()
    assert (session.state, session.message) == ("stopped", "It was stopped before it began.")


def test_stopping_twice_is_once(archive: Archive) -> None:
    session = archive.session(cadence_s=60)
    wish = stopped(archive, session)
    leftovers.settle(wish)
    leftovers.settle(wish)
    records = [json.loads(path.read_text()) for path in archive.spool.glob("*.done")]
    assert [record["body"]["state"] for record in records] == ["stopped"]
