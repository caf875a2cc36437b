"""SIGKILL of a camera process at each named point of the spool protocol, and at random moments."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest

from cameras.runtime.file_formats import KEEP_FORMATS
from captures.models import Capture, Session
from tests.harness.camera_processes.camera_process import CameraProcess
from tests.harness.rows.archive import Archive
from tests.harness.waiting import PATIENCE_S

pytestmark = pytest.mark.django_db(transaction=True)
CAMERA_POINTS = ("after_plan", "after_part", "after_record", "after_place", "after_done")
OVERLAPPING = {"fetch_s": 0.05}
"""Settings of a camera that exposes while a picture is fetched."""
REMOTE = {"fetch_s": 0.05, "remote_files": True}
"""Settings of one that keeps its pictures as well."""


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive(tmp_path)


def process(archive: Archive, session: Session | None = None, **spec: object) -> CameraProcess:
    desired_session = archive.desired_session(session) if session else None
    return CameraProcess(archive.folder, str(archive.camera.id), session=desired_session, **spec)


def run_to_the_end(archive: Archive, session: Session, **spec: object) -> None:
    """A healthy process resumes the session and finishes it; then all records are ingested."""
    with process(archive, session, **spec) as healthy:
        healthy.wait_for_type("recovered")  # from then on its state names the session
        healthy.wait_for_state(lambda state: not state["session"])
        healthy.finish()
    archive.ingest()


def recover(archive: Archive) -> None:
    """A healthy process decides the outcomes of what was killed, and its records are ingested."""
    with process(archive) as healthy:
        healthy.wait_for_type("recovered")
        healthy.finish()
    archive.ingest()


@pytest.mark.parametrize("passes", [0, pytest.param(1, marks=pytest.mark.prove), 4])
@pytest.mark.parametrize("point", CAMERA_POINTS)
def test_a_session_killed_at_a_point_of_the_protocol_loses_and_repeats_nothing(
    archive: Archive, point: str, passes: int
) -> None:
    session = archive.session(delay_s=0, count=10)
    with process(archive, session, kill={"point": point, "passes": passes}) as killed:
        assert killed.process.wait(PATIENCE_S) == -9
    run_to_the_end(archive, session)
    session.refresh_from_db()
    assert archive.inconsistencies() == []
    assert session.state == "finished"
    assert session.planned == 10


@pytest.mark.parametrize("passes", [pytest.param(0, marks=pytest.mark.prove), 3])
@pytest.mark.parametrize(
    ("settings", "point"),
    [
        *((OVERLAPPING, point) for point in CAMERA_POINTS),
        *((REMOTE, point) for point in CAMERA_POINTS if point != "after_part"),
    ],
    ids=str,
)
def test_a_session_that_overlaps_killed_at_a_point_of_the_protocol_loses_and_repeats_nothing(
    archive: Archive, settings: dict[str, object], point: str, passes: int
) -> None:
    session = archive.session(delay_s=0, count=8)
    with process(archive, session, settings=settings, kill={"point": point, "passes": passes}) as killed:
        assert killed.process.wait(PATIENCE_S) == -9
    run_to_the_end(archive, session, settings=settings)
    session.refresh_from_db()
    assert archive.inconsistencies() == []
    assert session.state == "finished"
    assert session.planned == 8


@pytest.mark.parametrize("point", CAMERA_POINTS)
def test_a_commanded_capture_killed_at_a_point_has_one_outcome(archive: Archive, point: str) -> None:
    capture = archive.planned()
    with process(archive, kill={"point": point}) as killed:
        killed.capture(str(capture.id), exposure_us=1000)
        assert killed.process.wait(PATIENCE_S) == -9
    recover(archive)
    capture.refresh_from_db()
    expected = "saved" if point in {"after_record", "after_place", "after_done"} else "failed"
    assert archive.inconsistencies() == []
    assert capture.status == expected


@pytest.mark.parametrize(
    ("point", "passes", "files"),
    [("after_part", 0, 0), ("after_part", 2, 0), ("after_record", 0, 4), ("after_place", 0, 4)],
)
def test_a_capture_that_is_killed_has_all_its_files_or_none(
    archive: Archive, point: str, passes: int, files: int
) -> None:
    capture = archive.planned()
    formats = {"keep": list(KEEP_FORMATS), "fits_compression": "none"}
    with process(archive, kill={"point": point, "passes": passes}, formats=formats) as killed:
        killed.capture(str(capture.id), exposure_us=1000)
        assert killed.process.wait(PATIENCE_S) == -9
    recover(archive)
    assert capture.files.count() == files
    assert archive.inconsistencies() == []


def kill_at_random(archive: Archive, session: Session, kills: int, seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(kills):
        with process(archive, session) as killed:
            killed.wait_for_type("observed", observed="ready")
            time.sleep(chance.uniform(0.0, 0.3))  # time: the moment of the kill is random
            killed.kill()
        archive.ingest()


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1])
def test_three_kills_at_random_moments_lose_and_repeat_nothing(archive: Archive, seed: int) -> None:
    # No cadence: on a busy machine all of its moments would pass before the first process is ready.
    session = archive.session(delay_s=0.02, count=100)
    kill_at_random(archive, session, kills=3, seed=seed)
    run_to_the_end(archive, session)
    assert archive.inconsistencies() == []
    assert Capture.objects.filter(status="saved").exists()


@pytest.mark.prove
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seed", range(10))
def test_two_hundred_kills_at_random_moments_lose_and_repeat_nothing(archive: Archive, seed: int) -> None:
    session = archive.session(cadence_s=0.02, count=1500)
    kill_at_random(archive, session, kills=20, seed=seed)
    run_to_the_end(archive, session)
    assert archive.inconsistencies() == []
