"""Sessions that their camera has begun from its agenda: the ingest makes their rows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cameras.leases import acquire_lease
from cameras.models import Camera
from captures.models import Session
from captures.sessions.desired import desired_sessions
from captures.sessions.models import SessionState
from core.events.models import Event
from tests.harness.rows.archive import Archive
from tests.harness.rows.records import capture_record, planned_session_file, write_records

pytestmark = pytest.mark.django_db
RUN = "0193a000-0000-7000-8000-000000000101"
WINDOWS = [("2027-01-15T20:00:00Z", "2027-01-16T04:00:00Z")]


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive(tmp_path)


def begin(archive: Archive, *states: Any, taken_from: str = "") -> None:
    """The camera process has begun RUN, without database, and its session went through these states."""
    file = planned_session_file(archive, RUN, WINDOWS, taken_from)
    for state in states:
        file.change_state(state, file.anchor)
    write_records(archive, *file.outbox)
    archive.ingest()


def session() -> Session:
    return Session.objects.get(pk=RUN)


def kinds() -> list[str]:
    return list(Event.objects.filter(subject=RUN).order_by("id").values_list("kind", flat=True))


def test_the_first_record_of_a_run_makes_its_row(archive: Archive) -> None:
    begin(archive, "running")
    assert session().state == SessionState.RUNNING
    assert session().name == "night"
    assert session().created_by == "planner"
    assert session().schedule == "night"
    assert session().programme["windows"] == [list(window) for window in WINDOWS]
    assert session().desired == Session.Desired.RUNNING


def test_the_captures_of_a_run_belong_to_its_row(archive: Archive) -> None:
    begin(archive, "running")
    write_records(archive, capture_record(archive, session=RUN, index=0, following={"at": "2027-01-15T20:01:00Z"}))
    archive.ingest()
    assert session().planned == 1
    assert str(session().next_at) == "2027-01-15 20:01:00+00:00"


def test_a_waiting_session_says_when_its_window_begins(archive: Archive) -> None:
    begin(archive, "waiting")
    assert session().state == SessionState.WAITING
    assert str(session().next_at) == "2027-01-15 20:00:00+00:00"
    assert session().started_at is None


def test_the_next_window_of_a_session_continues_it(archive: Archive) -> None:
    begin(archive, "waiting", "running", "waiting", "running", "finished")
    assert kinds() == [
        "session.waiting", "session.started", "session.waiting", "session.resumed", "session.finished",
    ]  # fmt: skip


def test_the_row_of_a_run_that_begins_can_be_stopped_like_any_other(archive: Archive) -> None:
    begin(archive, "running")
    found = desired_sessions([archive.camera]).get(archive.camera.pk)
    assert found is not None
    assert found["id"] == RUN
    assert found["so_far"]["reported"] == 1


def test_a_session_that_was_planned_meanwhile_and_never_began_has_failed(archive: Archive) -> None:
    other = archive.session()
    begin(archive, "running")
    other.refresh_from_db()
    assert other.state == SessionState.FAILED
    assert other.reason == "camera_held"
    assert "night" in other.message


def test_a_record_without_a_description_makes_no_row(archive: Archive) -> None:
    file = planned_session_file(archive, RUN, WINDOWS)
    file.change_state("running", file.anchor)
    del file.outbox[0]["body"]["description"]  # type: ignore[typeddict-item]
    write_records(archive, *file.outbox)
    archive.ingest()
    assert not Session.objects.exists()


def test_a_run_that_took_the_camera_over_ends_the_lease_and_says_so(archive: Archive) -> None:
    acquire_lease(archive.camera, "anna", for_s=3600)
    begin(archive, "running", taken_from="anna")
    archive.camera.refresh_from_db()
    assert archive.camera.held_by == ""
    taken = Event.objects.filter(kind="camera.taken").latest("id")
    assert taken.message == "The planned run night took sim over from anna."
    assert taken.severity == "warning"
    assert taken.data == {"from": "anna"}


def test_a_run_takes_the_camera_from_the_user_to_whom_the_session_was_handed_over(archive: Archive) -> None:
    Session.objects.create(
        camera=archive.camera, programme={}, state="stopped", reason="camera_held", created_by="anna", handed_to="ben",
        ended_at=datetime.fromtimestamp(1_800_000_000, UTC),
    )  # fmt: skip
    acquire_lease(archive.camera, "ben", for_s=3600)
    # What the camera process knows: anna started the session.
    begin(archive, "running", taken_from="anna")
    archive.camera.refresh_from_db()
    assert archive.camera.held_by == ""
    assert Event.objects.filter(kind="camera.taken").latest("id").data == {"from": "ben"}


def test_a_lease_that_is_newer_than_the_run_stays(archive: Archive) -> None:
    acquire_lease(archive.camera, "ben", for_s=3600)
    begin(archive, "running", taken_from="anna")
    archive.camera.refresh_from_db()
    assert archive.camera.held_by == "ben"


def test_a_user_who_took_the_camera_back_from_the_run_keeps_it(archive: Archive) -> None:
    acquire_lease(archive.camera, "anna", for_s=3600)
    began = datetime.fromtimestamp(1_800_000_000, UTC)
    times = {"held_since": began + timedelta(minutes=5), "held_until": began + timedelta(hours=1)}
    Camera.objects.filter(pk=archive.camera.pk).update(**times)
    begin(archive, "running", taken_from="anna")
    archive.camera.refresh_from_db()
    assert archive.camera.held_by == "anna"


def test_the_end_of_a_session_says_what_became_of_its_captures(archive: Archive) -> None:
    file = planned_session_file(archive, RUN, WINDOWS)
    file.change_state("running", file.anchor)
    for index, outcome in enumerate(("saved", "saved", "failed")):
        file.count_outcome(index, outcome)  # type: ignore[arg-type]
    file.change_state("finished", file.anchor)
    write_records(archive, *file.outbox)
    archive.ingest()
    ended = Event.objects.get(kind="session.finished")
    assert ended.message == "The session of sim is finished. 3 captures: 2 saved, 1 failed, 0 skipped."
