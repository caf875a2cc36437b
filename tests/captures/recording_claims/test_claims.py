"""Claims: a camera records while any of them stands that is not suspended, and the end of one ends no other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from cameras.models import Camera
from captures.experiments.models import Experiment
from captures.recordings.claims import services as claims
from captures.recordings.claims.models import RecordingClaim
from captures.recordings.claims.services import present_moment
from captures.recordings.control.commands import (
    RecordingClaimed,
    desired_recording,
    record,
    request_recording,
    stop_recording,
)
from core.events.models import Event
from tests.harness.far_ends.camera_host import camera_host

STOP = "/api/v1/cameras/sky/stop-recording/"


@pytest.fixture
def experiment(db: None) -> Experiment:
    return Experiment.objects.create(name="Dew", operator="ada", still_interval_s=60)


@pytest.fixture
def other(db: None) -> Experiment:
    return Experiment.objects.create(name="Frost", operator="ben", still_interval_s=60)


@pytest.fixture
def change(camera: Camera) -> Callable[..., Any]:
    """Calls a function of the claims with the locked camera, as its callers do."""

    def run(function: Callable[..., Any], *arguments: Any) -> Any:
        with transaction.atomic():
            return function(Camera.objects.select_for_update().get(pk=camera.pk), *arguments)

    return run


@pytest.fixture
def host(valkey: Any) -> Iterator[list[Any]]:
    with camera_host(valkey, {"record": {"clip": None, "recorder": None}}) as commands:
        yield commands


def row(camera: Camera) -> tuple[str, str, list[str]]:
    camera.refresh_from_db()
    return camera.recording, camera.recording_by, camera.recording_experiments


def test_an_experiment_records_rolling_clips_in_the_name_of_its_operator(
    change: Any, camera: Camera, experiment: Experiment
) -> None:
    change(claims.claim_for_experiment, experiment.pk, "ada", 0.0)
    assert row(camera) == ("rolling", "ada", [str(experiment.pk)])


def test_the_end_of_an_experiment_ends_no_recording_of_people(
    change: Any, camera: Camera, experiment: Experiment
) -> None:
    change(claims.claim_for_person, "rolling", "cleo")
    change(claims.claim_for_experiment, experiment.pk, "ada", 0.0)
    change(claims.end_claim_of_experiment, experiment.pk)
    assert row(camera) == ("rolling", "cleo", [])


def test_the_end_of_one_experiment_ends_no_other(
    change: Any, camera: Camera, experiment: Experiment, other: Experiment
) -> None:
    change(claims.claim_for_experiment, experiment.pk, "ada", 0.0)
    change(claims.claim_for_experiment, other.pk, "ben", 0.0)
    change(claims.end_claim_of_experiment, experiment.pk)
    assert row(camera) == ("rolling", "ben", [str(other.pk)])


def test_manual_clips_decide_the_kind_while_they_are_requested(
    change: Any, camera: Camera, experiment: Experiment
) -> None:
    change(claims.claim_for_experiment, experiment.pk, "ada", 0.0)
    change(claims.claim_for_person, "manual", "cleo")
    assert row(camera) == ("manual", "cleo", [str(experiment.pk)])
    change(claims.end_claims_of_people)
    assert row(camera) == ("rolling", "ada", [str(experiment.pk)])


def test_rolling_clips_go_on_when_manual_ones_end(host: Any, camera: Camera) -> None:
    record(camera, "rolling", "cleo")
    record(camera, "manual", "ann")
    stop_recording(camera, "ann", kind="manual")
    assert row(camera) == ("rolling", "cleo", [])
    stop_recording(camera, "ann")
    assert row(camera) == ("", "", [])


def test_a_claim_that_stands_is_not_added_again(change: Any, camera: Camera, experiment: Experiment) -> None:
    added = [change(claims.claim_for_experiment, experiment.pk, "ada", 0.0) for _ in range(2)]
    assert added == [True, False]
    with pytest.raises(IntegrityError), transaction.atomic():
        RecordingClaim.objects.create(camera=camera, kind="experiment", experiment=experiment)


def test_a_claim_of_people_names_no_experiment(camera: Camera, experiment: Experiment) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        RecordingClaim.objects.create(camera=camera, kind="manual", experiment=experiment)


def test_a_stop_under_an_experiment_asks_and_names_it(
    change: Any, operator: Any, camera: Camera, experiment: Experiment
) -> None:
    change(claims.claim_for_experiment, experiment.pk, "ada", 0.0)
    change(claims.claim_for_person, "rolling", "cleo")
    answer = operator.post(STOP)
    assert answer.status_code == 409
    assert answer.json()["type"] == "/problems/recording-claimed"
    assert answer.json()["experiments"] == [{"id": str(experiment.pk), "name": "Dew"}]
    assert row(camera) == ("rolling", "cleo", [str(experiment.pk)])


def test_a_stop_can_end_only_what_people_requested(
    change: Any, operator: Any, host: Any, camera: Camera, experiment: Experiment
) -> None:
    change(claims.claim_for_experiment, experiment.pk, "ada", 0.0)
    change(claims.claim_for_person, "manual", "cleo")
    answer = operator.post(STOP, {"experiments": "keep"})
    assert answer.status_code == 200
    assert answer.json()["desired"] == "rolling"
    assert host[0]["arguments"]["recording"] == desired_recording(Camera.objects.get())
    assert row(camera) == ("rolling", "ada", [str(experiment.pk)])


def test_a_stop_that_suspends_experiments_is_a_gap_with_a_name(
    change: Any, operator: Any, host: Any, camera: Camera, experiment: Experiment
) -> None:
    change(claims.claim_for_experiment, experiment.pk, "ada", 0.0)
    answer = operator.post(STOP, {"experiments": "suspend"})
    assert answer.json()["desired"] is None
    claim = RecordingClaim.objects.standing().get()
    assert [(gap.by, gap.to_at) for gap in claim.suspensions.all()] == [("a-operator", None)]
    event = Event.objects.get(kind="experiment.suspended")
    assert (event.subject, event.actor) == (str(experiment.pk), "a-operator")
    assert row(camera) == ("", "", [])


def test_a_new_start_ends_the_suspension(change: Any, host: Any, camera: Camera, experiment: Experiment) -> None:
    change(claims.claim_for_experiment, experiment.pk, "ada", 0.0)
    stop_recording(camera, "cleo", experiments="suspend")
    record(camera, actor="dora")
    [gap] = RecordingClaim.objects.of_experiments().get().suspensions.all()
    assert gap.to_at is not None
    assert gap.ended_by == "dora"
    assert row(camera) == ("rolling", "dora", [str(experiment.pk)])


def test_a_suspension_has_its_times_on_the_boot_clock(
    change: Any, host: Any, camera: Camera, experiment: Experiment
) -> None:
    change(claims.claim_for_experiment, experiment.pk, "ada", 0.0)
    before = present_moment()
    stop_recording(camera, "cleo", experiments="suspend")
    record(camera, actor="dora")
    [gap] = RecordingClaim.objects.of_experiments().get().suspensions.all()
    assert gap.begin.boot == before.boot
    assert before.boot_s <= gap.begin.boot_s <= gap.end.boot_s <= present_moment().boot_s


def test_the_end_of_an_experiment_ends_its_suspension(
    change: Any, host: Any, camera: Camera, experiment: Experiment
) -> None:
    change(claims.claim_for_experiment, experiment.pk, "ada", 0.0)
    stop_recording(camera, "cleo", experiments="suspend")
    change(claims.end_claim_of_experiment, experiment.pk)
    [gap] = RecordingClaim.objects.of_experiments().get().suspensions.all()
    assert (gap.end.boot, gap.ended_by) == (present_moment().boot, "")


def test_the_configuration_file_ends_no_experiment(change: Any, camera: Camera, experiment: Experiment) -> None:
    change(claims.claim_for_experiment, experiment.pk, "ada", 0.0)
    change(claims.claim_for_person, "rolling", "cleo")
    request_recording(camera, "", "cleo")
    assert row(camera) == ("rolling", "ada", [str(experiment.pk)])
    camera.refresh_from_db()
    assert claims.people_kind(camera) == ""


def test_a_stop_that_is_refused_leaves_no_trace(change: Any, camera: Camera, experiment: Experiment) -> None:
    change(claims.claim_for_experiment, experiment.pk, "ada", 0.0)
    before = Event.objects.count()
    with pytest.raises(RecordingClaimed, match="'Dew'"):
        stop_recording(camera, "cleo")
    assert Event.objects.count() == before


def test_the_claims_of_a_camera_are_shown(change: Any, viewer: Any, camera: Camera, experiment: Experiment) -> None:
    change(claims.claim_for_experiment, experiment.pk, "ada", 0.0)
    change(claims.claim_for_person, "manual", "cleo")
    body = viewer.get("/api/v1/cameras/sky/recording/").json()
    assert body["desired"] == "manual"
    assert [(one["kind"], one["by"], one["suspended"]) for one in body["claims"]] == [
        ("experiment", "ada", False), ("manual", "cleo", False),
    ]  # fmt: skip
    assert body["claims"][0]["experiment"] == {"id": str(experiment.pk), "name": "Dew"}
