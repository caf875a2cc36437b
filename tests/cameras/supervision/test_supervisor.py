"""The Supervisor with a camera process, its threads in the test's hand."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cameras.models import CameraHost
from cameras.supervision.ladder import Restarts
from cameras.supervision.post import Post
from cameras.supervision.supervisor import Supervisor
from cameras.supervision.wishes import wishes
from captures.models import Capture, Session
from captures.sessions.orders import end_on_gone_host
from captures.storage.roots import ensure_default_root
from monitoring.models import Alert
from tests.api.builders import until
from tests.api.conftest import valkey
from tests.cameras.supervision.records import capture_record, lay, lay_end
from tests.faults.camera_process import CameraProcess
from tests.faults.ledger import Archive

__all__ = ["valkey"]
pytestmark = pytest.mark.django_db
CAPTURE = {
    "asked": {"exposure_us": 10_000_000}, "planned": "2026-01-01T00:00:00Z", "requested_by": "tester", "job": "",
    "remaining_ms": 60_000,
}  # fmt: skip


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive(tmp_path)


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    supervisor = Supervisor()
    supervisor.run_folder = tmp_path
    yield supervisor
    for post in supervisor.posts.values():
        if post.child:
            post.child.kill()
            post.child.wait(10)
            post.child.finish()


def with_session(supervisor: Supervisor, archive: Archive, session: Session) -> Post:
    wish = dataclasses.replace(archive.wish(), session=archive.desired_session(session))
    post = Post(wish, Restarts())
    supervisor.posts = {wish.id: post}
    return post


@pytest.fixture
def post(archive: Archive, supervisor: Supervisor) -> Post:
    """A camera whose process works."""
    supervisor.ledger._do()
    supervisor._tick()
    [post] = supervisor.posts.values()
    until(lambda: post.child and post.child.state.get("observed") == "ready")
    return post


def give_to(archive: Archive, host: str) -> None:
    archive.camera.host = host
    archive.camera.save()


def looks_again(supervisor: Supervisor) -> None:
    supervisor.ledger.look_soon()
    supervisor.ledger._do()
    supervisor._tick()


def state_after_a_look(supervisor: Supervisor, row: Session | Capture) -> str:
    looks_again(supervisor)
    row.refresh_from_db()
    return row.state if isinstance(row, Session) else row.status


def test_a_camera_that_is_given_to_another_host_is_let_go_and_its_spool_is_emptied(
    archive: Archive, supervisor: Supervisor, post: Post
) -> None:
    capture = archive.planned()
    assert post.child is not None
    post.child.send({"type": "capture", "command_id": "c", "id": str(capture.pk), **CAPTURE})
    until(lambda: list(archive.spool.glob("*.plan")))
    give_to(archive, "other")
    looks_again(supervisor)
    until(lambda: state_after_a_look(supervisor, capture) != "planned" and post.child is None)
    assert (capture.reason, archive.wrongs()) == ("station_stopped", [])


def test_of_a_camera_that_has_another_host_only_that_one_tells(
    archive: Archive, supervisor: Supervisor, post: Post
) -> None:
    give_to(archive, "other")
    looks_again(supervisor)
    supervisor.observe(post, "disconnected", "")
    supervisor.ledger._do()
    archive.camera.refresh_from_db()
    assert (archive.camera.observed == "disconnected", supervisor.herald._ours()) == (False, [])


def test_a_camera_that_comes_back_is_run_again(archive: Archive, supervisor: Supervisor, post: Post) -> None:
    give_to(archive, "other")
    looks_again(supervisor)
    give_to(archive, "main")
    looks_again(supervisor)
    assert post.wish.runs


def test_a_host_that_has_lost_its_name_lets_its_cameras_run_on(
    archive: Archive, supervisor: Supervisor, post: Post
) -> None:
    CameraHost.objects.update(machine="another machine")
    supervisor.ledger._leased_at = -60.0
    looks_again(supervisor)
    assert (supervisor.ledger.seen.cameras, post.child is not None and post.child.ending) == ({}, False)


def test_a_session_that_its_camera_would_not_begin_has_failed_with_the_reason(
    archive: Archive, supervisor: Supervisor, post: Post
) -> None:
    session = archive.session(cadence_s=0.1)
    desired_session: Any = archive.desired_session(session)
    desired_session["programme"]["gain"] = math.nan  # the simulated camera refuses nothing else
    supervisor._change(post, dataclasses.replace(post.wish, session=desired_session))
    until(lambda: state_after_a_look(supervisor, session) != "planned")
    assert (session.state, session.reason, session.message) == (
        "failed",
        "rejected_setting",
        "The gain is not a number.",
    )
    assert archive.wrongs() == []


REFUSED = {"type": "answer", "ok": False, "problem": "camera-not-reachable", "detail": "It is not mounted."}


@pytest.mark.parametrize(("reason", "desired"), [("root_missing", "running"), ("camera_error", "stopped")])
def test_a_wish_that_was_refused_stands_where_the_process_keeps_it_for_a_root_that_is_away(
    archive: Archive, supervisor: Supervisor, post: Post, reason: str, desired: str
) -> None:
    session = archive.session(cadence_s=60)
    assert post.child is not None
    supervisor.hearing.hear(post.child, {**REFUSED, "command_id": f"wished-{session.pk}", "reason": reason})
    supervisor.ledger._do()
    session.refresh_from_db()
    assert session.desired == desired


def quarantined(supervisor: Supervisor, archive: Archive) -> Post:
    """A camera that crashed too often; no process of it is started."""
    archive.camera.connected = False
    archive.camera.save()
    looks_again(supervisor)
    [post] = supervisor.posts.values()
    post.restarts.rule.quick_exits, post.restarts.not_before = 5, math.inf
    supervisor.climbing.quarantine(post, "It crashed.")
    supervisor.ledger._do()
    return post


def open_alerts() -> list[str]:
    return list(Alert.objects.exclude(state="resolved").values_list("key", flat=True))


def test_a_camera_that_is_disconnected_leaves_its_quarantine_and_the_alert_with_it(
    archive: Archive, supervisor: Supervisor
) -> None:
    post = quarantined(supervisor, archive)
    assert open_alerts() == ["camera.quarantined:sim"]
    looks_again(supervisor)
    supervisor.ledger._do()
    assert (post.quarantined, post.restarts.rule.quick_exits, post.restarts.not_before, open_alerts()) == ("", 0, 0, [])


def test_the_alert_of_a_quarantine_that_a_predecessor_left_is_over(archive: Archive, supervisor: Supervisor) -> None:
    quarantined(Supervisor(), archive)
    looks_again(supervisor)
    supervisor.ledger._do()
    assert open_alerts() == []


def take_in(supervisor: Supervisor, post: Post, records: list[str]) -> None:
    for record in records:
        supervisor.ledger.take(post.wish, record, "")
    supervisor.ledger._do()


def test_a_session_whose_end_is_taken_in_while_its_process_starts_does_not_begin_again(
    archive: Archive, supervisor: Supervisor
) -> None:
    session = archive.session(cadence_s=0.1)
    told = lay_end(archive, str(session.pk))
    post = with_session(supervisor, archive, session)
    supervisor._start(post)
    take_in(supervisor, post, told)
    assert post.child is not None
    until(lambda: post.child and post.child.state.get("observed") == "ready")
    supervisor.ledger._do()  # hears of the recovery
    supervisor.ledger._do()  # and takes in what it found
    assert (post.child.state["session"], archive.wrongs()) == (None, [])


def test_a_session_whose_end_was_taken_in_before_its_process_starts_is_no_wish_any_more(
    archive: Archive, supervisor: Supervisor
) -> None:
    session = archive.session(cadence_s=0.1)
    post = with_session(supervisor, archive, session)
    take_in(supervisor, post, lay_end(archive, str(session.pk)))
    supervisor._start(post)
    assert post.child is not None
    assert (post.child.spec["session"], list(archive.spool.glob("session-*"))) == (None, [])


def configure(supervisor: Supervisor, post: Post, **settings: Any) -> None:
    """As it comes out of the host's list, once the row is written."""
    arguments = {"settings": settings, "remaining_ms": 10_000}
    command: Any = {"command_id": "c", "camera": post.wish.id, "slug": "sim", "order": "configure"}
    supervisor.orders._follow({**command, "arguments": arguments}, time.monotonic())


def wished_settings(post: Post) -> dict[str, Any]:
    assert post.child is not None
    return post.child.wished["settings"]


def test_settings_that_were_commanded_are_not_taken_back_by_an_older_look(supervisor: Supervisor, post: Post) -> None:
    read_before = wishes("main")
    configure(supervisor, post, exposure_us=2000)
    supervisor.ledger.seen = dataclasses.replace(supervisor.ledger.seen, cameras=read_before)
    supervisor._tick()
    assert wished_settings(post) == {"exposure_us": 2000}


def test_settings_that_were_commanded_are_those_of_the_next_process_before_the_next_look(
    supervisor: Supervisor, post: Post
) -> None:
    configure(supervisor, post, exposure_us=2000)
    assert post.child is not None
    post.child.kill()
    assert post.child.wait(10)
    supervisor._keep(post)
    supervisor._keep(post)
    assert wished_settings(post) == {"exposure_us": 2000}


def test_settings_of_the_row_are_taken_over_at_the_next_look(
    archive: Archive, supervisor: Supervisor, post: Post
) -> None:
    configure(supervisor, post, exposure_us=2000)
    archive.camera.settings = {"exposure_us": 3000}
    archive.camera.save()
    looks_again(supervisor)
    assert wished_settings(post) == {"exposure_us": 3000}


def test_what_lies_in_a_root_of_before_is_taken_in(
    archive: Archive, supervisor: Supervisor, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Its storage root was configured anew after a power cut in an exposure."""
    with CameraProcess(archive.folder, str(archive.camera.id)) as process:
        capture = process.capture(str(archive.planned().pk), exposure_us=10_000_000)
        process.until_type("state", doing="exposing")
    ensure_default_root(tmp_path_factory.mktemp("anew"))
    supervisor.ledger._do()
    supervisor.ledger._do()
    assert (Capture.objects.get(pk=capture).reason, archive.wrongs()) == ("interrupted", [])


def test_a_recording_that_is_commanded_is_made_as_its_host_is_configured(
    archive: Archive, supervisor: Supervisor, post: Post
) -> None:
    archive.camera.recording, archive.camera.recording_by = "rolling", "anna"
    archive.camera.save()
    asked = {"kind": "rolling", "requested_by": "anna", "clip_s": 7.0, "crf": 40}
    arguments = {"recording": asked, "remaining_ms": 10_000}
    command: Any = {"command_id": "c", "camera": post.wish.id, "slug": "sim", "order": "record"}
    supervisor.orders._follow({**command, "arguments": arguments}, time.monotonic())
    assert post.child is not None
    assert post.child.wished["recording"] == wishes("main")[post.wish.id].recording


def last_capture(supervisor: Supervisor, post: Post) -> tuple[str, str] | None:
    found = supervisor.herald.status(post)["last_capture"]
    return found and (found["id"], found["status"])


def test_a_supervisor_knows_the_last_capture_of_the_one_before_it(archive: Archive, supervisor: Supervisor) -> None:
    lay(archive, capture_record(archive, "failed"))
    [newest] = lay(archive, capture_record(archive, "failed"))
    archive.planned()
    archive.ingest()
    looks_again(supervisor)
    [post] = supervisor.posts.values()
    assert last_capture(supervisor, post) == (newest, "failed")


def test_a_capture_is_the_last_one_as_soon_as_it_is_taken_in(archive: Archive, supervisor: Supervisor) -> None:
    looks_again(supervisor)
    [post] = supervisor.posts.values()
    before = last_capture(supervisor, post)
    [taken] = lay(archive, capture_record(archive, "failed"))
    take_in(supervisor, post, [taken])
    assert (before, last_capture(supervisor, post)) == (None, (taken, "failed"))


def test_a_host_that_returns_takes_in_what_it_holds_of_a_camera_that_was_moved_and_runs_it_no_more(
    archive: Archive, supervisor: Supervisor
) -> None:
    """Its machine was cut off in a session: an exposure ran, and a capture waited to be taken in."""
    session, asked = archive.session(exposure_us=10_000_000, cadence_s=20), archive.planned()
    with CameraProcess(archive.folder, str(archive.camera.pk)) as process:
        process.until_type("spooled", id=process.capture(str(asked.pk), exposure_us=1000))
        process.start_session(str(session.pk), exposure_us=10_000_000, cadence_s=20)
        process.until_type("state", doing="exposing")
    give_to(archive, "other")
    end_on_gone_host(archive.camera, "main")
    [looks_again(supervisor) for _ in range(3)]
    session.refresh_from_db()
    asked.refresh_from_db()
    assert (asked.status, session.state, session.planned, session.failed) == ("saved", "failed", 1, 1)
    assert (archive.wrongs(), list(archive.spool.glob("session-*")), supervisor.posts) == ([], [], {})


def test_a_capture_that_a_host_which_returns_never_began_has_its_outcome(
    archive: Archive, supervisor: Supervisor, valkey: Any
) -> None:
    lay(archive, capture_record(archive))
    asked = archive.planned()
    Capture.objects.filter(pk=asked.pk).update(deadline_ms=1, host="main")
    give_to(archive, "other")
    [looks_again(supervisor) for _ in range(3)]
    asked.refresh_from_db()
    assert (asked.status, asked.reason) == ("failed", "not_started")


def test_a_capture_that_another_host_was_told_to_take_waits_for_it(
    archive: Archive, supervisor: Supervisor, valkey: Any
) -> None:
    asked = archive.planned()
    Capture.objects.filter(pk=asked.pk).update(deadline_ms=1, host="other")
    [looks_again(supervisor) for _ in range(3)]
    assert state_after_a_look(supervisor, asked) == "planned"
