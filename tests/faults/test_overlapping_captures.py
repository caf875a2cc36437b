"""A camera process that exposes while pictures are fetched: their order, and kills with two plans in the spool."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from captures.models import Session
from tests.harness.camera_processes.camera_process import CameraProcess
from tests.harness.rows.archive import Archive
from tests.harness.waiting import PATIENCE_S, eventually

SESSION = "0193a000-0000-7000-8000-000000000003"
NUMBER = 8
QUICK = {"fetch_s": 0.05, "width": 320, "height": 240}
SLOW = {"fetch_s": 600.0}
"""No test waits for such a picture."""


def bodies(process: CameraProcess) -> list[dict[str, Any]]:
    """Of the captures of a session that has finished, in the order of their records."""
    process.wait_for_state(lambda state: not state["session"])
    spooled = [message["id"] for message in process.messages if message["type"] == "spooled"]
    records = process.done()
    return [records[one]["body"] for one in spooled if records[one]["kind"] == "capture"]


def test_the_next_exposure_begins_while_a_picture_is_fetched(tmp_path: Path) -> None:
    with CameraProcess(tmp_path, settings=SLOW) as process:
        process.wait_for_type("observed", observed="ready")
        process.start_session(SESSION, delay_s=0, count=2)
        eventually(lambda: len(list(process.spool.glob("*.plan"))) == 2, "two plans")
        assert [record["kind"] for record in process.done().values()] == ["session"]


def test_pictures_that_are_fetched_during_exposures_are_all_saved_in_their_order(tmp_path: Path) -> None:
    with CameraProcess(tmp_path, settings=QUICK) as process:
        process.wait_for_type("observed", observed="ready")
        started = process.start_session(SESSION, delay_s=0, count=NUMBER)
        process.wait_for_type("answer", command_id=started)
        found = bodies(process)
    assert [(body["index"], body["outcome"]) for body in found] == [(index, "saved") for index in range(NUMBER)]


def test_a_fetch_that_hangs_is_reported_and_ends_when_the_camera_is_reopened(tmp_path: Path) -> None:
    settings = {"fetch_s": 0.1}
    with CameraProcess(tmp_path, settings=settings, margin_s=0.3, faults={"hang_fetch": 1}) as process:
        process.wait_for_type("observed", observed="ready")
        capture = process.capture()
        process.wait_for_message(lambda message: message.get("overdue_s", 0.0) > 0)
        assert process.messages[-1]["doing"] == "fetching a picture"
        process.send("reopen")
        process.wait_for_type("spooled", id=capture)
        assert process.done()[capture]["body"]["reason"] == "camera_hung"


# The process waits for the picture as long as it waits for all that is to be written.
@pytest.mark.slow
def test_a_fetch_that_hangs_does_not_keep_the_process_from_ending(tmp_path: Path) -> None:
    with CameraProcess(tmp_path, settings=SLOW) as process:
        process.wait_for_type("observed", observed="ready")
        capture, following = process.capture(), process.capture()
        # It begins once the picture of the first is being fetched.
        eventually(lambda: list(process.spool.glob(f"{following}.*")), "the next exposure")
        assert process.finish() == 0
    assert process.done()[capture]["body"]["reason"] == "interrupted"


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive(tmp_path)


def process(archive: Archive, session: Session, **spec: Any) -> CameraProcess:
    desired = archive.desired_session(session)
    return CameraProcess(archive.folder, str(archive.camera.id), session=desired, **spec)


@pytest.mark.django_db(transaction=True)
def test_two_captures_whose_process_is_killed_have_one_outcome_each(archive: Archive) -> None:
    session = archive.session(delay_s=0, count=2)
    kill = {"point": "after_plan", "passes": 1}
    with process(archive, session, settings=SLOW, kill=kill) as killed:
        assert killed.process.wait(PATIENCE_S) == -9
        assert len(list(killed.spool.glob("*.plan"))) == 2
    with process(archive, session) as healthy:
        healthy.wait_for_type("recovered")
        healthy.finish()
    archive.ingest()
    captures = session.captures.order_by("index").values_list("index", "status", "reason")
    assert list(captures) == [(0, "failed", "interrupted"), (1, "failed", "interrupted")]
    assert archive.inconsistencies() == []
