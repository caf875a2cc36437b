"""SIGKILL of the ingest between its commit and its last fsync: each record is ingested once, and none is left."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from captures.models import Capture, Session, SessionGap
from core.events.models import Event
from tests.harness.project import PROJECT
from tests.harness.rows.archive import Archive
from tests.harness.rows.records import capture_record, session_records, write_records
from tests.harness.runs.tiers import further
from tests.harness.waiting import PATIENCE_S

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive(tmp_path)


def ingest_until_killed(archive: Archive, where: str, passes: int) -> int:
    words = [where, str(passes), str(archive.folder), str(archive.camera.id), str(archive.root.id)]
    command = [sys.executable, "-m", "tests.harness.kills.ingest_process", *words]
    return subprocess.run(command, cwd=PROJECT, timeout=PATIENCE_S, check=False).returncode


def night(archive: Archive) -> Session:
    """A session with two captures and a gap, whose records are all in the spool; they are one batch."""
    session = archive.session(cadence_s=60)
    captures = [capture_record(archive, "failed", session=str(session.id), index=index) for index in range(2)]
    write_records(archive, *captures, *session_records(archive, str(session.id), gap=3, after=2))
    return session


def assert_ingested_once(archive: Archive, session: Session) -> None:
    archive.ingest()
    session.refresh_from_db()
    assert archive.inconsistencies() == []
    assert session.state == "finished"
    assert session.failed == 2
    assert session.skipped == 3
    kinds = ["capture.failed", "session.gap", "session.started", "session.finished"]
    assert [Event.objects.filter(kind=kind).count() for kind in kinds] == [2, 1, 1, 1]


@pytest.mark.parametrize(("point", "passes"), [("after_commit", 0), ("after_unlink", 0), ("after_unlink", 2)])
def test_an_ingest_killed_at_a_point_of_the_protocol_ingests_each_record_once(
    archive: Archive, point: str, passes: int
) -> None:
    session = night(archive)
    assert ingest_until_killed(archive, point, passes) == -9
    assert Capture.objects.count() + SessionGap.objects.count() + Session.objects.get().reported > 0
    assert_ingested_once(archive, session)


@pytest.mark.slow
@pytest.mark.parametrize("lines", [0, 129, 258, *further(43, 86, 172, 215, 301, 344, 387)])
def test_an_ingest_killed_between_two_lines_ingests_each_record_once(archive: Archive, lines: int) -> None:
    session = night(archive)
    assert ingest_until_killed(archive, "line", lines) == -9
    assert_ingested_once(archive, session)
