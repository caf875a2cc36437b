"""Automatic recording: what follows from the states of experiments, in any number of passes by any process."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from cameras.command_events import record_desired_change
from cameras.models import Camera
from captures.capturing.requests import HOUR_US
from captures.experiments.models import Experiment, ExperimentCamera
from captures.experiments.resource import ReasonBody
from captures.experiments.selectors import camera_account
from captures.experiments.service import ExperimentService, WrongState
from captures.experiments.states import ExperimentState
from captures.recordings.claims.models import RecordingClaim
from captures.recordings.claims.services import claim_for_person
from captures.roots.models import StorageRoot
from captures.sessions.models import Session
from core.events.models import Event
from scheduler.automatic_recording.service import apply_experiment, move_if_due, reconcile
from tests.harness.rows.clips import row_of

Make = Callable[..., Experiment]


@pytest.fixture
def dslr(camera: Camera) -> Camera:
    return Camera.objects.create(
        slug="dslr", name="DSLR", kind="simulated", host=camera.host, capabilities={"stream": False},
        settings={"exposure_us": 2_000_000},
    )  # fmt: skip


@pytest.fixture
def experiment(camera: Camera) -> Make:
    def make(*cameras: Camera, **fields: Any) -> Experiment:
        values = {"name": "Dew", "operator": "ada", "still_interval_s": 5.0, **fields}
        made = Experiment.objects.create(**values)
        for position, one in enumerate(cameras or (camera,), 1):
            ExperimentCamera.objects.create(experiment=made, camera=one, position=position)
        return Experiment.objects.prefetch_related("places__camera", "tags").get(pk=made.pk)

    return make


STATION = ExperimentService(None, "ada")


def aborted(run: Experiment, reason: str = "") -> Experiment:
    return STATION.abort(run, ReasonBody(reason=reason))


def desired(camera: Camera) -> tuple[str, list[str]]:
    camera.refresh_from_db()
    return camera.recording, camera.recording_experiments


def place(experiment: Experiment, camera: Camera) -> ExperimentCamera:
    return experiment.places.get(camera=camera)


def test_the_cameras_of_a_started_experiment_record_in_the_same_transaction(experiment: Make, camera: Camera) -> None:
    run = STATION.start(experiment())
    assert desired(camera) == ("rolling", [str(run.pk)])
    assert RecordingClaim.objects.get().by == "ada"
    assert place(run, camera).means == "clips"


def test_a_start_that_is_repeated_changes_nothing(experiment: Make, camera: Camera) -> None:
    run = STATION.start(experiment())
    STATION.start(run)
    reconcile()
    assert RecordingClaim.objects.count() == 1
    assert Event.objects.filter(kind="experiment.started").count() == 1


def test_a_recording_for_others_has_clips_of_its_own_for_a_run_that_records_nothing(
    experiment: Make, camera: Camera
) -> None:
    """A new clip begins with the run and at its end."""
    with transaction.atomic():
        claim_for_person(Camera.objects.select_for_update().get(pk=camera.pk), "rolling", "ben")
    run = STATION.start(experiment(record=False))
    assert desired(camera) == ("rolling", [str(run.pk)])
    reconcile()
    STATION.complete(run)
    assert desired(camera) == ("rolling", [])
    assert not RecordingClaim.objects.of_experiments().exists()


def test_a_recording_that_is_started_in_a_run_that_records_nothing_names_it(experiment: Make, camera: Camera) -> None:
    run = STATION.start(experiment(record=False))
    with transaction.atomic():
        claim_for_person(Camera.objects.select_for_update().get(pk=camera.pk), "rolling", "ben")
    assert desired(camera) == ("rolling", [str(run.pk)])


def test_clips_of_the_pre_roll_belong_to_a_run_that_records_nothing(
    experiment: Make, camera: Camera, root: StorageRoot
) -> None:
    now = timezone.now()
    before, shown = (row_of(camera, root, now - timedelta(seconds=ago_s), 10.0) for ago_s in (60, 25))
    for clip in (before, shown):
        clip.save(force_insert=True)
    run = STATION.start(experiment(record=False, pre_roll_s=20.0))
    assert list(run.clips.all()) == [shown]
    assert not before.holds.exists()


def test_an_experiment_that_does_not_record_makes_no_claim(experiment: Make, camera: Camera) -> None:
    STATION.start(experiment(record=False))
    reconcile()
    assert desired(camera) == ("", [])


def test_the_cameras_record_until_the_post_roll_is_over(experiment: Make, camera: Camera) -> None:
    run = STATION.complete(STATION.start(experiment(post_roll_s=600)))
    reconcile()
    assert desired(camera) == ("rolling", [str(run.pk)])
    Experiment.objects.update(post_roll_s=0)
    reconcile()
    assert desired(camera) == ("", [])
    run.refresh_from_db()
    assert run.settled is True


def test_a_clock_that_is_set_back_prolongs_no_post_roll(experiment: Make, camera: Camera) -> None:
    run = STATION.complete(STATION.start(experiment(post_roll_s=600)))
    # The wall clock showed tomorrow when it was completed; by the boot clock it ended 700 s ago.
    Experiment.objects.filter(pk=run.pk).update(
        ended_at=timezone.now() + timedelta(days=1), ended_boot_s=(run.ended_boot_s or 0) - 700
    )
    reconcile()
    assert desired(camera) == ("", [])


@pytest.mark.parametrize(("ahead", "kind"), [(timedelta(days=1), ""), (timedelta(seconds=5), "rolling")])
def test_a_clock_that_is_set_back_by_a_restart_prolongs_no_post_roll(
    ahead: timedelta, kind: str, experiment: Make, camera: Camera
) -> None:
    run = STATION.complete(STATION.start(experiment(post_roll_s=600)))
    # Of another machine, or of this one before its restart. Machines may differ by seconds.
    Experiment.objects.filter(pk=run.pk).update(ended_at=timezone.now() + ahead, ended_boot="another")
    reconcile()
    assert desired(camera)[0] == kind


def test_an_aborted_experiment_has_no_post_roll(experiment: Make, camera: Camera) -> None:
    aborted(STATION.start(experiment(post_roll_s=600)))
    assert desired(camera) == ("", [])


@pytest.mark.parametrize("move", [aborted, STATION.complete])
def test_a_pass_that_read_an_experiment_before_its_end_does_not_record_for_it(
    move: Callable[[Experiment], Experiment], experiment: Make, camera: Camera
) -> None:
    read_before = STATION.start(experiment())
    move(read_before)
    apply_experiment(read_before)
    assert desired(camera) == ("", [])
    assert RecordingClaim.objects.standing().count() == 0


def test_a_pass_that_read_an_experiment_before_its_end_begins_no_stills_for_it(experiment: Make, dslr: Camera) -> None:
    read_before = STATION.start(experiment(dslr))
    # Its first session failed a while ago: the pass would begin another one.
    Session.objects.update(state="failed", desired="stopped", ended_at=timezone.now() - timedelta(minutes=2))
    aborted(read_before)
    apply_experiment(read_before)
    assert Session.objects.count() == 1


def test_an_aborted_experiment_takes_nothing_from_another_on_the_same_camera(experiment: Make, camera: Camera) -> None:
    first, second = STATION.start(experiment()), STATION.start(experiment(name="Frost"))
    aborted(first)
    assert desired(camera) == ("rolling", [str(second.pk)])


def test_an_experiment_records_beside_a_lease_and_a_session_of_others(experiment: Make, camera: Camera) -> None:
    now = timezone.now()
    Camera.objects.update(held_by="bob", held_since=now, held_until=now + timedelta(hours=1))
    Session.objects.create(camera=camera, programme={"exposure_us": 1000, "delay_s": 1}, created_by="bob")
    run = STATION.start(experiment())
    assert desired(camera) == ("rolling", [str(run.pk)])
    camera.refresh_from_db()
    assert camera.held_by == "bob"


def test_a_camera_without_a_stream_takes_interval_stills_in_the_name_of_the_operator(
    experiment: Make, dslr: Camera
) -> None:
    run = STATION.start(experiment(dslr))
    session = Session.objects.get()
    assert session.programme == {"exposure_us": 2_000_000, "cadence_s": 5.0}
    assert session.created_by == "ada"
    assert run.session_links.get().own is True
    assert place(run, dslr).means == "stills"
    assert desired(dslr) == ("", [])


def test_its_own_session_ends_with_the_experiment(experiment: Make, dslr: Camera) -> None:
    STATION.complete(STATION.start(experiment(dslr)))
    assert Session.objects.get().desired == "stopped"


def test_the_captures_of_somebodys_session_are_linked_instead_and_that_is_said(experiment: Make, dslr: Camera) -> None:
    theirs = Session.objects.create(camera=dslr, programme={"exposure_us": 1000, "delay_s": 1}, created_by="bob")
    run = STATION.start(experiment(dslr))
    assert place(run, dslr).means == "linked"
    assert place(run, dslr).message.startswith("bob runs a session on the camera: ")
    STATION.complete(run)
    theirs.refresh_from_db()
    assert theirs.desired == "running"


def test_stills_begin_once_the_holder_of_the_camera_releases_it(experiment: Make, dslr: Camera) -> None:
    now = timezone.now()
    Camera.objects.filter(pk=dslr.pk).update(held_by="bob", held_since=now, held_until=now + timedelta(hours=1))
    run = STATION.start(experiment(dslr))
    assert place(run, dslr).message == "The camera is held by bob. Its stills begin when it is released."
    Camera.objects.filter(pk=dslr.pk).update(held_until=now)
    reconcile()
    assert place(run, dslr).means == "stills"


def test_stills_that_an_operator_stopped_do_not_begin_again_by_themselves(experiment: Make, dslr: Camera) -> None:
    run = STATION.start(experiment(dslr))
    Session.objects.update(state="stopped", desired="stopped", ended_at=timezone.now())
    reconcile()
    reconcile()
    assert Session.objects.count() == 1
    assert place(run, dslr).means == "nothing"
    assert "was stopped" in place(run, dslr).message


def test_stills_that_are_paused_are_stated_until_they_are_resumed(experiment: Make, dslr: Camera) -> None:
    run = STATION.start(experiment(dslr))
    record_desired_change(dslr, "pause", "paused the session.", "bob", {}, subject=Session.objects.get().pk)
    Session.objects.update(desired="paused")
    reconcile()
    assert place(run, dslr).means == "nothing"
    assert place(run, dslr).message.startswith("Its session was paused by bob")
    Session.objects.update(desired="running")
    reconcile()
    assert (place(run, dslr).means, place(run, dslr).message) == ("stills", "")


def test_an_operator_who_stopped_the_stills_is_named(experiment: Make, dslr: Camera) -> None:
    run = STATION.start(experiment(dslr))
    record_desired_change(dslr, "stop", "stopped the session.", "cli:ada", {}, subject=Session.objects.get().pk)
    Session.objects.update(state="stopped", desired="stopped", ended_at=timezone.now())
    reconcile()
    assert place(run, dslr).message.startswith("Its session was stopped by ada.")


def test_stills_begin_again_after_a_planned_run_that_took_the_camera_over(experiment: Make, dslr: Camera) -> None:
    run = STATION.start(experiment(dslr))
    Session.objects.update(state="stopped", desired="running", reason="camera_held", ended_at=timezone.now())
    planned = Session.objects.create(camera=dslr, programme={"exposure_us": 1000, "delay_s": 1}, created_by="bob")
    reconcile()
    assert place(run, dslr).means == "linked"
    Session.objects.filter(pk=planned.pk).update(state="finished", ended_at=timezone.now())
    reconcile()
    assert place(run, dslr).means == "stills"
    assert run.session_links.filter(own=True).count() == 2


def test_stills_that_failed_begin_again_after_a_minute(experiment: Make, dslr: Camera) -> None:
    STATION.start(experiment(dslr))
    Session.objects.update(state="failed", desired="stopped", ended_at=timezone.now(), message="No card.")
    reconcile()
    assert Session.objects.count() == 1
    Session.objects.update(ended_at=timezone.now() - timedelta(minutes=2))
    reconcile()
    assert Session.objects.count() == 2


def test_a_clock_that_is_set_back_does_not_put_off_stills_that_failed(experiment: Make, dslr: Camera) -> None:
    STATION.start(experiment(dslr))
    tomorrow = timezone.now() + timedelta(days=1)
    Session.objects.update(state="failed", desired="stopped", ended_at=tomorrow, created_at=tomorrow)
    reconcile()
    assert Session.objects.count() == 2
    # The next one fails too, and is the last one although the first seems to be younger.
    Session.objects.active().update(state="failed", desired="stopped", ended_at=timezone.now())
    reconcile()
    assert Session.objects.count() == 2


def test_a_camera_that_turns_out_to_have_no_stream_takes_stills(experiment: Make, camera: Camera) -> None:
    run = STATION.start(experiment())
    Camera.objects.update(capabilities={"stream": False})
    reconcile()
    assert place(run, camera).means == "stills"
    assert RecordingClaim.objects.get().reason == "no_stream"
    assert desired(camera) == ("", [])


def test_a_camera_that_is_removed_is_stated(experiment: Make, camera: Camera) -> None:
    run = STATION.start(experiment())
    Camera.objects.update(removed_at=timezone.now())
    reconcile()
    assert place(run, camera).message == "The camera was removed."
    assert RecordingClaim.objects.get().reason == "camera_removed"


def test_a_planned_experiment_begins_and_ends_by_itself(
    experiment: Make, camera: Camera, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scheduler.automatic_recording.service.LATE_S", 600.0)
    now = timezone.now()
    run = experiment(planned_start=now - timedelta(seconds=1), planned_end=now + timedelta(hours=1))
    reconcile()
    run.refresh_from_db()
    assert (run.state, run.reason, run.message) == ("running", "planned", "")
    assert desired(camera) == ("rolling", [str(run.pk)])
    Experiment.objects.update(planned_start=now - timedelta(hours=2), planned_end=now - timedelta(hours=1))
    reconcile()
    run.refresh_from_db()
    assert run.state == "completed"
    reconcile()
    assert desired(camera) == ("", [])


def test_an_experiment_is_not_completed_at_a_planned_end_that_was_put_off_meanwhile(experiment: Make) -> None:
    now = timezone.now()
    run = STATION.start(experiment())
    run.planned_end = now - timedelta(seconds=1)
    Experiment.objects.update(planned_end=now + timedelta(hours=1))
    with pytest.raises(WrongState):
        move_if_due(run)
    run.refresh_from_db()
    assert run.state == "running"


def test_an_experiment_does_not_begin_at_a_planned_start_that_was_put_off_meanwhile(experiment: Make) -> None:
    now = timezone.now()
    run = experiment(planned_start=now + timedelta(hours=1))
    run.planned_start = now - timedelta(seconds=1)
    with pytest.raises(WrongState):
        move_if_due(run)
    run.refresh_from_db()
    assert run.state == "planned"


def test_a_planned_experiment_whose_start_is_ahead_waits(experiment: Make) -> None:
    run = experiment(planned_start=timezone.now() + timedelta(hours=1))
    reconcile()
    run.refresh_from_db()
    assert run.state == "planned"


def test_a_late_start_is_stated(experiment: Make) -> None:
    run = experiment(planned_start=timezone.now() - timedelta(minutes=5))
    reconcile()
    run.refresh_from_db()
    assert run.state == "running"
    assert re.search(r"began 3\d\d s late\.$", run.message)


def test_a_late_start_is_still_stated_after_the_end(experiment: Make) -> None:
    run = experiment(planned_start=timezone.now() - timedelta(minutes=5))
    reconcile()
    ended = aborted(run, "The lamp failed.")
    assert re.search(r"began 3\d\d s late\. The lamp failed\.$", ended.message)


def test_an_archived_experiment_still_says_why_it_was_aborted(experiment: Make) -> None:
    now = timezone.now()
    run = experiment(planned_start=now - timedelta(hours=2), planned_end=now - timedelta(hours=1))
    reconcile()
    archived = STATION.move(run, ExperimentState.ARCHIVED)
    assert (archived.state, archived.reason) == ("archived", "missed")
    assert "the station was not running then" in archived.message


def test_a_planned_experiment_that_the_station_slept_through_is_aborted_as_missed(experiment: Make) -> None:
    now = timezone.now()
    run = experiment(planned_start=now - timedelta(hours=2), planned_end=now - timedelta(hours=1))
    reconcile()
    run.refresh_from_db()
    assert (run.state, run.reason) == ("aborted", "missed")
    assert "the station was not running then" in run.message
    assert Event.objects.get(kind="experiment.aborted").severity == "warning"


def test_a_pass_in_which_nothing_changes_writes_nothing(experiment: Make, camera: Camera, dslr: Camera) -> None:
    STATION.start(experiment(camera, dslr))
    with CaptureQueriesContext(
        connection,
    ) as queries:
        reconcile()
    written = [query["sql"] for query in queries if not query["sql"].startswith("SELECT")]
    assert written == []
    assert len(queries) <= 8


@pytest.fixture
def faulty(camera: Camera) -> Camera:
    """`sky` without a stream, and with an exposure that no session accepts."""
    Camera.objects.filter(pk=camera.pk).update(capabilities={"stream": False}, settings={"exposure_us": 2 * HOUR_US})
    camera.refresh_from_db()
    return camera


@pytest.fixture
def other(camera: Camera) -> Camera:
    return Camera.objects.create(slug="b", name="B", kind="simulated", host=camera.host)


def test_a_camera_that_fails_leaves_the_others_of_its_experiment_their_turn(
    experiment: Make, faulty: Camera, other: Camera
) -> None:
    run = STATION.start(experiment(faulty, other))
    assert run.state == "running"
    assert desired(other) == ("rolling", [str(run.pk)])
    assert (place(run, faulty).means, place(run, other).means) == ("", "clips")


def test_a_camera_that_failed_contributes_as_soon_as_it_can(experiment: Make, faulty: Camera, other: Camera) -> None:
    run = STATION.start(experiment(faulty, other))
    Camera.objects.filter(pk=faulty.pk).update(settings={})
    reconcile()
    assert place(run, faulty).means == "stills"


def test_a_camera_that_fails_leaves_other_experiments_their_turn(
    experiment: Make, faulty: Camera, other: Camera
) -> None:
    due = timezone.now() - timedelta(seconds=1)
    experiment(faulty, planned_start=due)
    second = experiment(other, planned_start=due)
    reconcile()
    assert desired(other) == ("rolling", [str(second.pk)])


def stills_gaps(experiment: Experiment, camera: Camera) -> list[tuple[str, str, str]]:
    """Reason, sentence and name of the gaps that the account has."""
    experiment.refresh_from_db()
    return [
        (gap["reason"], gap["message"], gap["by"])
        for gap in camera_account(experiment, place(experiment, camera))["gaps"]
    ]


def an_hour_ago(experiment: Experiment) -> None:
    """Its run began then, and so did its session."""
    begin = timezone.now() - timedelta(hours=1)
    Experiment.objects.filter(pk=experiment.pk).update(
        started_at=begin, started_boot_s=(experiment.started_boot_s or 0.0) - 3600
    )
    Session.objects.update(started_at=begin)


def test_a_stop_of_the_stills_is_in_the_account_with_the_name(
    experiment: Make, dslr: Camera, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = STATION.start(experiment(dslr, still_interval_s=60.0))
    record_desired_change(dslr, "stop", "stopped the session.", "cli:bob", {}, subject=Session.objects.get().pk)
    Session.objects.update(state="stopped", desired="stopped", ended_at=timezone.now())
    reconcile()
    monkeypatch.setattr("captures.experiments.stills_coverage.STATED_S", 0.0)
    assert stills_gaps(run, dslr) == [("suspended", "bob stopped its session.", "bob")]


def test_a_pause_of_the_stills_is_in_the_account_until_they_are_resumed(
    experiment: Make, dslr: Camera, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = STATION.start(experiment(dslr, still_interval_s=60.0))
    record_desired_change(dslr, "pause", "paused the session.", "bob", {}, subject=Session.objects.get().pk)
    Session.objects.update(desired="paused")
    reconcile()
    Session.objects.update(desired="running")
    reconcile()
    monkeypatch.setattr("captures.experiments.stills_coverage.STATED_S", 0.0)
    assert stills_gaps(run, dslr) == [("suspended", "bob paused the session.", "bob")]
    kinds = Event.objects.filter(kind__startswith="experiment.").order_by("at", "id").values_list("kind", flat=True)
    assert list(kinds)[-3:] == ["experiment.stills", "experiment.interrupted", "experiment.stills"]


def test_a_stop_of_the_stills_is_stated_though_their_host_is_away(experiment: Make, dslr: Camera) -> None:
    run = STATION.start(experiment(dslr))
    record_desired_change(dslr, "stop", "stopped the session.", "bob", {}, subject=Session.objects.get().pk)
    Session.objects.update(state="running", desired="stopped")
    reconcile()
    assert place(run, dslr).message.startswith("Its session was stopped by bob.")
    Session.objects.update(state="stopped", ended_at=timezone.now())
    reconcile()
    assert Event.objects.get(kind="experiment.interrupted").data["by"] == "bob"


def test_after_somebodys_session_that_is_being_stopped_the_experiment_begins_its_own(
    experiment: Make, dslr: Camera
) -> None:
    theirs = Session.objects.create(
        camera=dslr, programme={"exposure_us": 1000, "delay_s": 1}, created_by="bob", state="running", desired="stopped"
    )
    run = STATION.start(experiment(dslr))
    assert place(run, dslr).message == "Its session is being stopped. Stills begin when it has ended."
    Session.objects.filter(pk=theirs.pk).update(state="stopped", ended_at=timezone.now())
    reconcile()
    assert place(run, dslr).means == "stills"


def test_a_camera_that_is_held_is_in_the_account_with_the_name_of_the_holder(experiment: Make, dslr: Camera) -> None:
    now = timezone.now()
    Camera.objects.filter(pk=dslr.pk).update(held_by="bob", held_since=now, held_until=now + timedelta(hours=1))
    run = STATION.start(experiment(dslr))
    reconcile()
    assert Event.objects.filter(kind="experiment.interrupted").count() == 1
    data = Event.objects.get(kind="experiment.interrupted").data
    assert (data["reason"], data["why"], data["by"]) == ("camera_held", "bob held the camera.", "bob")
    assert (data["boot"], place(run, dslr).means) == (run.started_boot, "nothing")


def test_the_place_of_a_removed_camera_without_a_stream_is_a_gap(experiment: Make, dslr: Camera) -> None:
    run = STATION.start(experiment(dslr))
    an_hour_ago(run)
    Camera.objects.filter(pk=dslr.pk).update(removed_at=timezone.now())
    reconcile()
    assert Event.objects.get(kind="experiment.interrupted").data["reason"] == "camera_removed"
