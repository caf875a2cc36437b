"""A camera process that exposes while pictures are fetched: its speed, and kills with two plans in the spool."""

from __future__ import annotations

import statistics
import time
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from captures.models import Session
from tests.harness.camera_processes.camera_process import TIMEOUT_S, CameraProcess
from tests.harness.rows.archive import Archive

SESSION = "0193a000-0000-7000-8000-000000000003"
EXPOSURE_S, FETCH_S, NUMBER = 0.2, 0.5, 8
SLOW = {"fetch_s": 600.0}


def bodies(process: CameraProcess) -> list[dict[str, Any]]:
    """Of the captures of a session that has finished, in the order of their records."""
    process.wait_for_message(lambda message: message["type"] == "state" and message["session"] is not None)
    process.wait_for_message(lambda message: message["type"] == "state" and message["session"] is None)
    spooled = [message["id"] for message in process.messages if message["type"] == "spooled"]
    records = process.done()
    return [records[one]["body"] for one in spooled if records[one]["kind"] == "capture"]


def test_the_next_exposure_begins_while_a_picture_is_fetched(tmp_path: Path) -> None:
    with CameraProcess(tmp_path, settings={"fetch_s": FETCH_S, "width": 320, "height": 240}) as process:
        process.wait_for_type("observed", observed="ready")
        process.start_session(SESSION, exposure_us=round(EXPOSURE_S * 1e6), delay_s=0, count=NUMBER)
        found = bodies(process)
    started = [datetime.fromisoformat(body["started"]) for body in found]
    between_s = [(after - before).total_seconds() for before, after in pairwise(started)]
    assert [(body["index"], body["outcome"]) for body in found] == [(index, "saved") for index in range(NUMBER)]
    # The median: a busy machine may delay some of them.
    assert statistics.median(between_s) < EXPOSURE_S + FETCH_S


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


def test_a_fetch_that_hangs_does_not_keep_the_process_from_ending(tmp_path: Path) -> None:
    with CameraProcess(tmp_path, settings=SLOW) as process:
        process.wait_for_type("observed", observed="ready")
        capture = process.capture()
        process.wait_for_type("state", observed="ready")
        began = time.monotonic()
        assert process.finish() == 0
    assert time.monotonic() - began < 10
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
        assert killed.process.wait(TIMEOUT_S) == -9
        assert len(list(killed.spool.glob("*.plan"))) == 2
    with process(archive, session) as healthy:
        healthy.wait_for_type("recovered")
        healthy.finish()
    archive.ingest()
    captures = session.captures.order_by("index").values_list("index", "status", "reason")
    assert list(captures) == [(0, "failed", "interrupted"), (1, "failed", "interrupted")]
    assert archive.inconsistencies() == []
