"""Stop recording under an experiment: the question, its two answers, and who wants a camera recorded."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from cameras.models import Camera
from captures.experiments.models import Experiment
from captures.recordings.claims.models import ClaimSuspension, RecordingClaim
from captures.recordings.control.commands import request_recording
from tests.harness.clients.pages import MARKUP, text_of
from tests.harness.far_ends.camera_host import camera_host
from tests.harness.rows.experiments import running, suspended

STOP = "/cameras/sky/stop-recording/"
SCRIPT = {"HX-Request": "true"}
KEEP, SUSPEND = 'name="experiments" value="keep"', 'name="experiments" value="suspend"'


@pytest.fixture
def run(camera: Camera) -> Experiment:
    return running(camera)


@pytest.fixture
def host(valkey: Any) -> Iterator[list[Any]]:
    with camera_host(valkey, {"record": {"clip": None, "recorder": None}}) as commands:
        yield commands


def stop(operator: Any, script: bool = True, **values: str) -> Any:
    return operator.post(STOP, values, format="multipart", headers=SCRIPT if script else {})


def panel(client: Any) -> str:
    return text_of(client.get("/cameras/sky/")).partition('id="recording"')[2].partition("</section>")[0]


def test_a_stop_asks_in_a_dialog_and_stops_nothing(operator: Any, run: Experiment, host: list[Any]) -> None:
    answer = stop(operator)
    assert answer["HX-Retarget"] == "#dialog-body"
    assert f'<a href="/experiments/{run.pk}/">Dew</a>' in text_of(answer)
    assert SUSPEND in text_of(answer)
    assert RecordingClaim.objects.standing().count() == 1
    assert host == []


def test_only_if_people_requested_a_recording_it_can_end_alone(operator: Any, run: Experiment, camera: Camera) -> None:
    assert KEEP not in text_of(stop(operator))
    request_recording(camera, "rolling", "ben")
    asked = text_of(stop(operator))
    assert KEEP in asked
    assert "ben requested it too." in asked


def test_without_scripts_the_question_is_a_page_that_leads_back(
    operator: Any, run: Experiment, host: list[Any]
) -> None:
    asked = operator.post(STOP, headers={"Referer": "/experiments/"})
    assert 'name="next" value="/experiments/"' in text_of(asked)
    assert SUSPEND in text_of(asked)
    answer = stop(operator, script=False, experiments="suspend", next="/experiments/")
    assert answer["Location"] == "/experiments/"
    assert ClaimSuspension.objects.count() == 1


def test_keeping_the_experiment_ends_only_the_recording_by_people(
    operator: Any, run: Experiment, camera: Camera, host: list[Any]
) -> None:
    request_recording(camera, "rolling", "ben")
    assert "Sky is recorded on for its experiments." in text_of(stop(operator, experiments="keep"))
    camera.refresh_from_db()
    assert [claim.kind for claim in RecordingClaim.objects.standing()] == ["experiment"]
    assert camera.recording_experiments == [str(run.pk)]


def test_a_stop_for_the_experiment_is_a_gap_with_the_name(operator: Any, run: Experiment, host: list[Any]) -> None:
    answer = text_of(stop(operator, experiments="suspend"))
    assert "Recording stopped." in answer
    assert "show a gap" in answer
    assert ClaimSuspension.objects.get().by == "a-operator"


def test_an_unknown_choice_asks_again(operator: Any, run: Experiment) -> None:
    assert SUSPEND in text_of(stop(operator, experiments="everything"))


def test_the_panel_names_who_wants_the_camera_recorded(viewer: Any, run: Experiment, camera: Camera) -> None:
    request_recording(camera, "manual", "ben")
    shown = panel(viewer)
    assert f'<a href="/experiments/{run.pk}/">Dew</a>' in shown
    assert 'ben <span class="dim">manual clips' in shown


def test_the_panel_is_silent_about_one_person(viewer: Any, camera: Camera) -> None:
    request_recording(camera, "manual", "ben")
    assert "Who wants it recorded" not in panel(viewer)


def test_the_panel_says_who_stopped_it_and_offers_to_record(operator: Any, run: Experiment, host: list[Any]) -> None:
    stop(operator, experiments="suspend")
    shown = panel(operator)
    assert "a-operator stopped the recording for the experiment" in shown
    assert 'data-action="record"' in shown
    assert "Stop recording" not in shown


def test_record_is_offered_while_another_experiment_records(operator: Any, run: Experiment, camera: Camera) -> None:
    suspended(run, "ben", 60)
    running(camera, name="Frost")
    shown = panel(operator)
    assert 'data-action="record"' in shown
    assert "Stop recording" in shown


def test_names_with_markup_are_shown_as_they_are_written(operator: Any, run: Experiment, camera: Camera) -> None:
    request_recording(camera, "manual", "ben")
    Experiment.objects.update(name=MARKUP, operator=MARKUP)
    RecordingClaim.objects.update(by=MARKUP)
    suspended(run, MARKUP, 60)
    assert MARKUP not in panel(operator)
    ClaimSuspension.objects.all().delete()
    assert MARKUP not in text_of(stop(operator))


def test_a_viewer_cannot_stop_it(viewer: Any, run: Experiment) -> None:
    assert viewer.post(STOP, {"experiments": "suspend"}, format="multipart").status_code == 403
