"""The queue of records on their way into the database, and the callers that wait for them."""

from __future__ import annotations

import contextlib
import dataclasses
import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext

from cameras.commands.messages import Answer
from cameras.supervision.camera_status import LastCaptures
from cameras.supervision.command_results import BrokerAnswers
from cameras.supervision.desired_state import EndedSessions
from cameras.supervision.ingest import NO_FENCE, SpoolIngester
from cameras.supervision.ingester import (
    CALL_WAIT_S,
    MAX_BATCH,
    MAX_BATCH_S,
    RECORD_WAIT_S,
    TURN_S,
    BatchSize,
    Ingester,
    IngestWaits,
)
from captures.capturing import outcomes
from captures.models import Capture, Session
from core.events.models import Alert, Event
from tests.harness.clocks.clock import SteppingClock
from tests.harness.rows.archive import Archive
from tests.harness.rows.records import (
    capture_record,
    planned_session_file,
    write_ended_session,
    write_raw,
    write_records,
)
from tests.harness.supervision.hosts import Answers, slots_of

pytestmark = pytest.mark.django_db
SESSION = "01890000-0000-7000-8000-000000000001"
still = SteppingClock().monotonic
"""While time stands still, one turn ingests everything."""


@pytest.fixture
def answers() -> Answers:
    return Answers()


@pytest.fixture
def ingester(answers: Answers) -> Ingester:
    """No caller that waits is late."""
    return Ingester(
        NO_FENCE, {}, answers, EndedSessions(), LastCaptures(), lambda: None, IngestWaits(answer_s=3600.0), now=still
    )


@pytest.fixture
def impatient(answers: Answers) -> Ingester:
    """Every caller that waits is late."""
    return Ingester(
        NO_FENCE, {}, answers, EndedSessions(), LastCaptures(), lambda: None, IngestWaits(answer_s=-1.0), now=still
    )


def read_only(*_: Any) -> None:
    raise OSError(errno.EROFS, "Read-only file system")


@contextmanager
def unreadable(file: Path) -> Iterator[None]:
    """Root may read every file, but no folder as if it were one."""
    kept = file.rename(file.with_suffix(".kept"))
    file.mkdir()
    yield
    file.rmdir()
    kept.rename(file)


def database_away(*_: Any) -> Any:
    raise OperationalError("database is locked")


def test_a_caller_is_answered_with_its_record_after_the_row(
    archive: Archive, ingester: Ingester, answers: Answers
) -> None:
    [record] = write_records(archive, capture_record(archive))
    ingester.ingest_record(archive.desired(), record, "c")
    ingester.ingest_waiting()
    assert Capture.objects.filter(pk=record).exists()
    assert answers.answered == ["c"]


@pytest.mark.django_db(transaction=True)
def test_a_caller_is_answered_before_the_notice_is_made(
    archive: Archive, ingester: Ingester, answers: Answers, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered_before: list[list[str]] = []
    monkeypatch.setattr(outcomes, "publish_notice", lambda *_: answered_before.append(list(answers.answered)))
    [record] = write_records(archive, capture_record(archive))
    ingester.ingest_record(archive.desired(), record, "c")
    ingester.ingest_waiting()
    assert answered_before == [["c"]]
    assert answers.answered == ["c"]


@pytest.mark.django_db(transaction=True)
def test_a_caller_whose_record_is_rejected_is_answered(archive: Archive, ingester: Ingester, answers: Answers) -> None:
    ingester.ingest_record(archive.desired(), write_raw(archive, b"rubbish"), "c")
    ingester.ingest_waiting()
    assert answers.sent == [("c", {"ok": True, "body": {"record": None}})]


def test_a_record_waits_while_the_database_is_away(archive: Archive, ingester: Ingester, answers: Answers) -> None:
    [record] = write_records(archive, capture_record(archive))
    ingester.ingest_record(archive.desired(), record, "c")
    with connection.execute_wrapper(database_away), pytest.raises(OperationalError):
        ingester.ingest_waiting()
    before = list(answers.answered)
    ingester.ingest_waiting()
    assert before == []
    assert answers.answered == ["c"]
    assert Capture.objects.filter(pk=record).exists()


def test_a_late_caller_is_answered_once_with_the_record_itself(
    archive: Archive, impatient: Ingester, answers: Answers
) -> None:
    [record] = write_records(archive, capture_record(archive))
    impatient.ingest_record(archive.desired(), record, "c")
    impatient.answer_late_callers()
    impatient.ingest_waiting()
    [(command, content)] = answers.sent
    assert command == "c"
    assert content["body"]["record"]["id"] == record


def test_a_caller_that_is_not_late_waits_for_the_row(archive: Archive, ingester: Ingester, answers: Answers) -> None:
    [record] = write_records(archive, capture_record(archive))
    ingester.ingest_record(archive.desired(), record, "c")
    ingester.answer_late_callers()
    assert answers.sent == []


def test_a_record_that_cannot_be_read_does_not_end_the_late_answers(
    archive: Archive, impatient: Ingester, answers: Answers
) -> None:
    impatient.ingest_record(archive.desired(), write_raw(archive, b"rubbish"), "first")
    [record] = write_records(archive, capture_record(archive))
    impatient.ingest_record(archive.desired(), record, "second")
    impatient.answer_late_callers()
    assert answers.answered == ["second"]


def test_a_root_whose_path_is_gone_delays_no_other_camera(archive: Archive, ingester: Ingester) -> None:
    nowhere = dataclasses.replace(archive.desired(), root_path=str(archive.folder / "gone"))
    [record] = write_records(archive, capture_record(archive))
    ingester.ingest_record(nowhere, record, "")
    ingester.ingest_record(archive.desired(), record, "")
    ingester.ingest_waiting()
    assert Capture.objects.filter(pk=record).exists()


def test_a_capture_waits_for_the_first_record_of_its_session_that_could_not_be_read(
    archive: Archive, ingester: Ingester
) -> None:
    file = planned_session_file(archive, SESSION, [("2026-01-01T00:00:00Z", "2026-01-01T01:00:00Z")])
    file.change_state("running", file.anchor)
    [start] = write_records(archive, *file.outbox)
    [capture] = write_records(archive, capture_record(archive, session=SESSION, index=0))
    with unreadable(archive.spool / f"{start}.done"):
        for record in (start, capture):
            ingester.ingest_record(archive.desired(), record, "")
        ingester.ingest_waiting()
    left = sorted(found.name for found in archive.spool.glob("*.done"))
    [later] = write_records(archive, capture_record(archive, session=SESSION, index=1))
    ingester.ingest_record(archive.desired(), later, "")
    ingester.ingest_waiting()
    assert left == [f"{start}.done", f"{capture}.done"]
    assert [str(one.session_id) for one in Capture.objects.all()] == [SESSION, SESSION]
    assert Session.objects.get().failed == 2


def test_a_caller_whose_record_waits_for_one_that_cannot_be_read_gets_the_record_itself(
    archive: Archive, ingester: Ingester, answers: Answers
) -> None:
    lost, later = write_records(archive, capture_record(archive), capture_record(archive))
    with unreadable(archive.spool / f"{lost}.done"):
        ingester.ingest_record(archive.desired(), lost, "")
        ingester.ingest_record(archive.desired(), later, "c")
        ingester.ingest_waiting()
    [(command, content)] = answers.sent
    assert command == "c"
    assert content["body"]["record"]["id"] == later


def test_a_record_that_stays_unreadable_delays_later_ones_for_a_time_only(archive: Archive, answers: Answers) -> None:
    ingester = Ingester(
        NO_FENCE, {}, answers, EndedSessions(), LastCaptures(), lambda: None, IngestWaits(record_s=0.0), now=still
    )
    lost, later = write_records(archive, capture_record(archive), capture_record(archive))
    with unreadable(archive.spool / f"{lost}.done"):
        for _ in range(2):
            [ingester.ingest_record(archive.desired(), record, "") for record in (lost, later)]
            ingester.ingest_waiting()
    assert [str(one.pk) for one in Capture.objects.all()] == [later]
    alert = Alert.objects.get(key="spool.unreadable:sim")
    assert alert.data == {"record": lost}
    assert alert.count == 1
    assert f"{archive.spool}/{lost}.done" in alert.message


def test_several_unreadable_records_delay_later_ones_once(archive: Archive, answers: Answers) -> None:
    clock = SteppingClock()
    ingester = Ingester(NO_FENCE, {}, answers, EndedSessions(), LastCaptures(), lambda: None, now=clock.monotonic)
    *lost, later = write_records(archive, *(capture_record(archive) for _ in range(4)))
    with contextlib.ExitStack() as files:
        for record in lost:
            files.enter_context(unreadable(archive.spool / f"{record}.done"))
        sweep(ingester, archive, *lost, later)
        waits = Capture.objects.exists()
        clock.advance(RECORD_WAIT_S)
        sweep(ingester, archive, *lost, later)
        ingested = [str(one.pk) for one in Capture.objects.all()]
    assert waits is False
    assert ingested == [later]


def sweep(ingester: Ingester, archive: Archive, *records: str) -> None:
    for record in records:
        ingester.ingest_record(archive.desired(), record, "")
    ingester.ingest_waiting()


def test_a_record_that_cannot_be_removed_is_ingested_and_delays_no_later_one(
    archive: Archive, ingester: Ingester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SpoolIngester, "_unlink", read_only)
    records = write_records(archive, capture_record(archive), capture_record(archive))
    [ingester.ingest_record(archive.desired(), record, "") for record in records]
    ingester.ingest_waiting()
    assert [str(one.pk) for one in Capture.objects.order_by("id")] == records


def test_the_end_of_a_session_is_kept_while_a_process_may_have_been_sent_the_session(
    archive: Archive, answers: Answers
) -> None:
    slots, ended = slots_of(archive.desired()), EndedSessions()
    ingester = Ingester(NO_FENCE, slots, answers, ended, LastCaptures(), lambda: None, now=still)
    session = str(archive.session().pk)
    records = write_ended_session(archive, session)
    slots[str(archive.camera.id)].is_starting = True
    for _ in range(2):
        [ingester.ingest_record(archive.desired(), record, "") for record in records]
        ingester.ingest_waiting()
    kept = bool(list(archive.spool.glob("session-*")))
    slots[str(archive.camera.id)].is_starting = False
    [ingester.ingest_record(archive.desired(), record, "") for record in records]
    ingester.ingest_waiting()
    assert session in ended
    assert kept is True
    assert list(archive.spool.glob("session-*")) == []


def test_a_call_waits_for_the_records_before_it(archive: Archive, ingester: Ingester) -> None:
    made: list[str] = []
    ingester.call_after_ingest(lambda: made.append("at once"))
    [record] = write_records(archive, capture_record(archive))
    ingester.ingest_record(archive.desired(), record, "")
    ingester.call_after_ingest(lambda: made.append("after the record"))
    ingester.make_waiting_calls(is_away=False)
    before = list(made)
    ingester.ingest_waiting()
    ingester.make_waiting_calls(is_away=False)
    assert before == ["at once"]
    assert made == ["at once", "after the record"]


def test_a_call_does_not_wait_for_a_database_that_is_away(archive: Archive, ingester: Ingester) -> None:
    made: list[str] = []
    [record] = write_records(archive, capture_record(archive))
    ingester.ingest_record(archive.desired(), record, "")
    ingester.call_after_ingest(lambda: made.append("the answer"))
    ingester.make_waiting_calls(is_away=True)
    assert made == ["the answer"]


@pytest.fixture
def full_broker(valkey: Any) -> Any:
    """It answers reads and refuses writes."""
    valkey.config_set("maxmemory", "1")
    yield valkey
    valkey.config_set("maxmemory", "0")


def test_a_call_that_fails_prevents_no_later_one(archive: Archive, ingester: Ingester, full_broker: Any) -> None:
    made: list[str] = []
    [record] = write_records(archive, capture_record(archive))
    ingester.ingest_record(archive.desired(), record, "")
    ingester.call_after_ingest(lambda: BrokerAnswers().send_response("c", Answer(ok=True)))
    ingester.call_after_ingest(lambda: made.append({}["nothing"]))
    ingester.call_after_ingest(lambda: made.append("the next one"))
    ingester.ingest_waiting()
    ingester.make_waiting_calls(is_away=False)
    assert made == ["the next one"]


def test_an_answer_that_the_broker_refuses_raises_nothing(full_broker: Any) -> None:
    BrokerAnswers().send_response("c", Answer(ok=True))
    assert full_broker.keys("*") == []


def queue(ingester: Ingester, archive: Archive, *records: str) -> None:
    for record in records:
        ingester.ingest_record(archive.desired(), record, "")


def saved_in(archive: Archive, session: Session, number: int) -> list[Any]:
    return [capture_record(archive, "saved", session=str(session.pk), index=index) for index in range(number)]


def test_waiting_records_are_inserted_together(archive: Archive, ingester: Ingester) -> None:
    session = archive.session(cadence_s=60)
    queue(ingester, archive, *write_records(archive, *saved_in(archive, session, 20)))
    with CaptureQueriesContext(connection) as queries:
        ingester.ingest_waiting()
    statements = [query["sql"].split(" (")[0] for query in queries]
    session.refresh_from_db()
    assert statements.count('INSERT INTO "captures_capture"') == 1
    assert statements.count('INSERT INTO "monitoring_event"') == 1
    assert (session.planned, session.saved, session.exposure_total_us) == (20, 20, 20_000)
    assert Event.objects.filter(kind="capture.saved").count() == 20
    assert list(archive.spool.glob("*.done")) == []


def test_of_records_that_are_ingested_together_the_wrong_one_is_rejected_alone(
    archive: Archive, ingester: Ingester
) -> None:
    session = archive.session(cadence_s=60)
    records = saved_in(archive, session, 20)
    records[13]["body"]["gain"] = "much"
    queue(ingester, archive, *write_records(archive, *records))
    ingester.ingest_waiting()
    session.refresh_from_db()
    assert [path.stem for path in (archive.spool / "rejected").iterdir()] == [records[13]["id"]]
    assert "much" in Alert.objects.get(key="spool.rejected:sim").message
    assert (session.planned, session.saved) == (19, 19)
    assert Event.objects.filter(kind="capture.saved").count() == 19


def test_a_contradiction_among_records_that_are_ingested_together_changes_nothing_else(
    archive: Archive, ingester: Ingester
) -> None:
    first = capture_record(archive, "failed")
    write_records(archive, first)
    archive.ingest()
    other, later = capture_record(archive, "saved", first["id"]), capture_record(archive, "failed")
    queue(ingester, archive, *write_records(archive, other, later))
    ingester.ingest_waiting()
    assert [row.status for row in Capture.objects.order_by("id")] == ["failed", "failed"]
    assert Alert.objects.get().key == f"capture.contradiction:{first['id']}"


def test_planned_rows_of_commands_get_their_outcomes_together(archive: Archive, ingester: Ingester) -> None:
    planned = [str(archive.planned().pk) for _ in range(3)]
    queue(ingester, archive, *write_records(archive, *(capture_record(archive, "saved", one) for one in planned)))
    ingester.ingest_waiting()
    assert set(Capture.objects.values_list("status", flat=True)) == {"saved"}
    assert Event.objects.filter(kind="capture.saved").count() == 3


def test_records_are_ingested_for_a_turn_only(archive: Archive, answers: Answers) -> None:
    clock = SteppingClock()

    def now() -> float:
        clock.advance(TURN_S / 3)
        return clock.monotonic()

    ingester = Ingester(NO_FENCE, {}, answers, EndedSessions(), LastCaptures(), lambda: None, now=now)
    queue(ingester, archive, *write_records(archive, *(capture_record(archive) for _ in range(150))))
    has_more = ingester.ingest_waiting()
    first = Capture.objects.count()
    while ingester.ingest_waiting():
        pass
    assert has_more is True
    assert 0 < first < 150
    assert Capture.objects.count() == 150


def test_a_record_that_waits_is_not_queued_again_by_a_sweep(archive: Archive, ingester: Ingester) -> None:
    records = write_records(archive, capture_record(archive), capture_record(archive))
    queue(ingester, archive, *records)
    queue(ingester, archive, *records)
    assert len(ingester) == 2


def test_a_command_is_answered_beside_a_backlog_after_a_time(archive: Archive, answers: Answers) -> None:
    made: list[str] = []
    clock = SteppingClock()
    ingester = Ingester(NO_FENCE, {}, answers, EndedSessions(), LastCaptures(), lambda: None, now=clock.monotonic)
    queue(ingester, archive, *write_records(archive, capture_record(archive)))
    ingester.call_after_ingest(lambda: made.append("the answer"))
    ingester.make_waiting_calls(is_away=False)
    before = list(made)
    clock.advance(2 * CALL_WAIT_S)
    ingester.make_waiting_calls(is_away=False)
    assert before == []
    assert made == ["the answer"]


def test_a_batch_that_takes_long_or_is_refused_is_followed_by_smaller_ones() -> None:
    size = BatchSize()
    size.note_stored(2 * MAX_BATCH_S)
    after_long = size.records
    size.note_refused(30)
    after_refused = size.records
    [size.note_stored(0.0) for _ in range(9)]
    assert (after_long, after_refused, size.records) == (MAX_BATCH // 2, 15, MAX_BATCH)
