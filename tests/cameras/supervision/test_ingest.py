"""From the spool into the database: repeats change nothing, the first outcome stays, no record blocks the next."""

from __future__ import annotations

import json
from typing import Any

import pytest
import uuid6

from captures.capturing.outcomes import fail_unsent_capture
from captures.models import Capture, Session, SessionGap
from core.events.models import Alert, Event
from tests.harness.rows.archive import Archive
from tests.harness.rows.records import capture_record, session_records, write_raw, write_records

pytestmark = pytest.mark.django_db
UNKNOWN_ID = "0193a000-0000-7000-8000-0000000000ff"


def alerts() -> list[str]:
    return [alert.key.partition(":")[0] for alert in Alert.objects.all()]


def rejected(archive: Archive) -> list[str]:
    return [path.stem for path in (archive.spool / "rejected").iterdir()]


def test_a_record_becomes_a_row_an_event_and_nothing_in_the_spool(archive: Archive) -> None:
    [capture] = write_records(archive, capture_record(archive, "failed"))
    archive.ingest()
    row = Capture.objects.get(pk=capture)
    assert row.status == "failed"
    assert row.reason == "camera_error"
    assert row.requested_by == "tester"
    assert Event.objects.filter(kind="capture.failed", subject=capture).count() == 1
    assert archive.inconsistencies() == []


def test_a_record_ingested_twice_is_one_row_one_event_and_one_count(archive: Archive) -> None:
    record = capture_record(archive, "saved", session=str(archive.session(count=9).id), index=0)
    write_records(archive, record)
    archive.ingest()
    write_records(archive, record)
    archive.ingest()
    session = Session.objects.get()
    assert session.planned == 1
    assert session.saved == 1
    assert session.exposure_total_us == 1000
    assert Event.objects.filter(kind="capture.saved").count() == 1


def test_a_sessions_records_ingested_twice_count_once(archive: Archive) -> None:
    session = archive.session()
    records = session_records(archive, str(session.id), gap=4)
    write_records(archive, *records)
    archive.ingest()
    write_records(archive, *records)
    archive.ingest()
    session.refresh_from_db()
    assert session.state == "finished"
    assert session.reported == 2
    assert session.planned == 4
    assert session.skipped == 4
    assert SessionGap.objects.count() == 1
    assert archive.inconsistencies() == []


def test_a_contradiction_keeps_the_first_outcome_and_raises_an_alert(archive: Archive) -> None:
    record = capture_record(archive, "failed")
    write_records(archive, record)
    archive.ingest()
    write_records(archive, capture_record(archive, "saved", record["id"]))
    archive.ingest()
    assert Capture.objects.get().status == "failed"
    assert alerts() == ["capture.contradiction"]
    assert archive.inconsistencies() == []


def test_deciding_the_outcome_of_what_never_started_touches_no_row_that_has_one(archive: Archive) -> None:
    [capture] = write_records(archive, capture_record(archive, "saved"))
    archive.ingest()
    assert fail_unsent_capture(capture, "not_started", "It was late.") is False
    assert Capture.objects.get().status == "saved"


def test_the_outcome_of_what_never_started_is_decided_once(archive: Archive) -> None:
    planned = archive.planned()
    assert fail_unsent_capture(planned.pk, "not_started", "It was late.") is True
    assert fail_unsent_capture(planned.pk, "host_down", "It was down.") is False
    planned.refresh_from_db()
    assert planned.status == "failed"
    assert planned.reason == "not_started"
    assert Event.objects.filter(kind="capture.failed").count() == 1


RUBBISH: dict[str, Any] = {
    "no JSON": b"\x00\xff",
    "cut short": b'{"kind": "cap',
    "a list": b"[]",
    "no fields": b"{}",
}


@pytest.mark.parametrize("content", RUBBISH.values(), ids=RUBBISH.keys())
def test_a_record_that_cannot_be_read_is_rejected_with_an_alert(archive: Archive, content: bytes) -> None:
    record = write_raw(archive, content)
    archive.ingest()
    assert rejected(archive) == [record]
    assert alerts() == ["spool.rejected"]


WRONG: dict[str, dict[str, Any]] = {
    "unknown kind": {"kind": "picture"},
    "unknown camera": {"camera": UNKNOWN_ID},
    "a camera that is not an id": {"camera": "sim"},
    "files of a wrong type": {"files": ["x"]},
    "a file without a part": {"files": [{"path": "a/b", "part": 7, "bytes": 1}]},
    "a path of a wrong type": {"files": [{"path": 5, "part": "x", "bytes": 1}]},
    "no body": {"body": {}},
}  # fmt: skip


@pytest.mark.django_db(transaction=True)  # a wrong root shows at the commit
@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG.keys())
def test_a_record_that_cannot_be_ingested_is_rejected_and_the_next_one_is_ingested(
    archive: Archive, wrong: dict[str, Any]
) -> None:
    record: Any = {**capture_record(archive, "saved", str(uuid6.uuid7())), **wrong}
    write_raw_under(archive, record)
    write_records(archive, capture_record(archive, "failed"))
    archive.ingest()
    assert rejected(archive) == [record["id"]]
    assert alerts() == ["spool.rejected"]
    assert [row.status for row in Capture.objects.all()] == ["failed"]


@pytest.mark.django_db(transaction=True)
def test_a_file_on_an_unknown_root_is_detected_at_the_commit_and_rejected(archive: Archive) -> None:
    record: Any = capture_record(archive, "saved")
    part = f"{record['id']}.raw.part"
    file = {"kind": "raw", "bytes": 1, "sha256": "", "part": part, "path": "a/b", "width": 1, "height": 1}
    write_raw_under(archive, {**record, "root": UNKNOWN_ID, "files": [file]})
    archive.ingest()
    assert rejected(archive) == [record["id"]]
    assert alerts() == ["spool.rejected"]
    assert Capture.objects.count() == 0


WRONG_BODY: dict[str, dict[str, Any]] = {
    "a session that is not an id": {"session": "tonight"},
    "a time of a wrong type": {"planned": 5},
    "a missing status": {"outcome": None},
    "an exposure beyond the column's range": {"exposure_us": 10**30},
    "a gain that is not a number": {"gain": "much"},
}


@pytest.mark.parametrize("wrong", WRONG_BODY.values(), ids=WRONG_BODY.keys())
def test_a_record_with_a_wrong_body_is_rejected(archive: Archive, wrong: dict[str, Any]) -> None:
    record = capture_record(archive, "saved")
    record["body"] |= wrong
    write_raw_under(archive, record)
    archive.ingest()
    assert rejected(archive) == [record["id"]]
    assert alerts() == ["spool.rejected"]
    assert Capture.objects.count() == 0


def test_two_records_for_one_index_of_a_session_keep_the_first(archive: Archive) -> None:
    session = str(archive.session(count=9).id)
    first, second = (capture_record(archive, "saved", session=session, index=0) for _ in range(2))
    write_records(archive, first, second)
    archive.ingest()
    assert [str(row.id) for row in Capture.objects.all()] == [first["id"]]
    assert rejected(archive) == [second["id"]]
    assert Session.objects.get().planned == 1


def write_raw_under(archive: Archive, record: Any) -> None:
    write_raw(archive, b"")
    (archive.spool / f"{record['id']}.done").write_bytes(json.dumps(record).encode())
    next(path for path in archive.spool.glob("*.done") if not path.stat().st_size).unlink()
