"""SIGKILL of the ingest between its commit and its last fsync: each record is ingested once, and none is left."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from captures.models import Capture, Session, SessionGap
from monitoring.models import Event
from tests.harness.project import PROJECT
from tests.harness.rows.archive import Archive
from tests.harness.rows.records import capture_record, session_records, write_records
from tests.harness.waiting import PATIENCE_S

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive(tmp_path)


def ingest_until_killed(archive: Archive, point: str, passes: int) -> int:
    words = [
        "-m",
        "tests.harness.kills.ingest_process",
        point,
        str(passes),
        str(archive.folder),
        str(archive.camera.id),
    ]
    return subprocess.run([sys.executable, *words], cwd=PROJECT, timeout=PATIENCE_S, check=False).returncode


@pytest.mark.parametrize("passes", [0, 2])
@pytest.mark.parametrize("point", ["after_commit", "after_unlink"])
def test_an_ingest_killed_at_a_point_of_the_protocol_ingests_each_record_once(
    archive: Archive, point: str, passes: int
) -> None:
    session = archive.session(cadence_s=60)
    captures = [capture_record(archive, "failed", session=str(session.id), index=index) for index in range(2)]
    ended = session_records(archive, str(session.id), gap=3, after=2)
    write_records(archive, *captures, *ended)
    assert ingest_until_killed(archive, point, passes) == -9
    assert Capture.objects.count() + SessionGap.objects.count() + Session.objects.get().reported > 0
    archive.ingest()
    session.refresh_from_db()
    assert archive.inconsistencies() == []
    assert session.state == "finished"
    assert session.failed == 2
    assert session.skipped == 3
    kinds = ["capture.failed", "session.gap", "session.started", "session.finished"]
    assert [Event.objects.filter(kind=kind).count() for kind in kinds] == [2, 1, 1, 1]
