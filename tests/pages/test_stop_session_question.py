"""Stop a session that takes the stills of an experiment: the question on pages, in the API and on the command line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from cameras.models import Camera
from captures.experiments.models import Experiment
from captures.sessions.models import Session
from tests.harness.clients.pages import MARKUP, text_of
from tests.harness.far_ends.camera_host import camera_host
from tests.harness.rows.experiments import running
from tests.harness.stations.command_line import skycam

STOP, API = "/cameras/sky/stop/", "/api/v1/cameras/sky/stop/"
SCRIPT = {"HX-Request": "true"}
SUSPEND = 'name="experiments" value="suspend"'


@pytest.fixture
def run(camera: Camera) -> Experiment:
    """It takes stills of `sky`, which has no stream."""
    Camera.objects.filter(pk=camera.pk).update(capabilities={"stream": False})
    camera.refresh_from_db()
    return running(camera)


@pytest.fixture
def host(valkey: Any) -> Iterator[list[Any]]:
    with camera_host(valkey, {"stop": {}}) as commands:
        yield commands


def stop(operator: Any, address: str = STOP, **values: str) -> Any:
    return operator.post(address, values, format="multipart", headers=SCRIPT)


def desired() -> str:
    return str(Session.objects.get().desired)


def test_a_stop_asks_in_a_dialog_and_stops_nothing(operator: Any, run: Experiment, host: list[Any]) -> None:
    answer = stop(operator)
    assert answer["HX-Retarget"] == "#dialog-body"
    assert f'<a href="/experiments/{run.pk}/">Dew</a>' in text_of(answer)
    assert SUSPEND in text_of(answer)
    assert desired() == "running"
    assert host == []


def test_the_page_of_the_session_asks_too(operator: Any, run: Experiment) -> None:
    assert SUSPEND in text_of(stop(operator, f"/sessions/{Session.objects.get().pk}/stop/"))
    assert desired() == "running"


def test_without_scripts_the_question_is_a_page_that_leads_back(
    operator: Any, run: Experiment, host: list[Any]
) -> None:
    asked = operator.post(STOP, headers={"Referer": "/experiments/"})
    assert 'name="next" value="/experiments/"' in text_of(asked)
    assert SUSPEND in text_of(asked)
    address = f"/sessions/{Session.objects.get().pk}/stop/"
    answer = operator.post(address, {"experiments": "suspend", "next": "/experiments/"}, format="multipart")
    assert answer["Location"] == "/experiments/"
    assert desired() == "stopped"


def test_the_answer_stops_it_and_says_that_the_gap_is_shown(operator: Any, run: Experiment, host: list[Any]) -> None:
    assert "show a gap" in text_of(stop(operator, experiments="suspend"))
    assert desired() == "stopped"


def test_who_is_asked_has_not_taken_the_camera_over(operator: Any, run: Experiment) -> None:
    Session.objects.update(created_by="ada")
    asked = text_of(stop(operator, over="ada"))
    assert 'name="over" value="ada"' in asked
    assert Session.objects.get().handed_to == ""
    assert Camera.objects.get().held_by == ""


def test_names_with_markup_are_shown_as_they_are_written(operator: Any, run: Experiment) -> None:
    Experiment.objects.update(name=MARKUP, operator=MARKUP)
    assert MARKUP not in text_of(stop(operator))


def test_the_api_names_the_experiments_and_takes_an_answer(operator: Any, run: Experiment, host: list[Any]) -> None:
    refused = operator.post(API, {}, format="json")
    assert refused.status_code == 409
    assert refused.json()["type"] == "/problems/recording-claimed"
    assert refused.json()["experiments"] == [{"id": str(run.pk), "name": "Dew"}]
    assert desired() == "running"
    assert operator.post(API, {"experiments": "suspend"}, format="json").status_code == 200
    assert desired() == "stopped"


def test_a_session_by_its_id_is_asked_about_too(operator: Any, run: Experiment) -> None:
    assert operator.post(f"/api/v1/sessions/{Session.objects.get().pk}/stop/").status_code == 409
    assert desired() == "running"


def test_an_unknown_answer_is_refused(operator: Any, run: Experiment) -> None:
    assert operator.post(API, {"experiments": "keep"}, format="json").status_code == 400
    assert desired() == "running"


def test_a_session_of_somebody_is_stopped_without_a_question(operator: Any, run: Experiment, host: list[Any]) -> None:
    Session.objects.get().experiment_links.update(own=False)
    assert operator.post(API, {"a": "key of old programs"}, format="json").status_code == 200
    assert desired() == "stopped"


def test_the_command_names_the_experiment_and_the_option(run: Experiment, host: list[Any]) -> None:
    refused = skycam("stop", "sky")
    assert refused.exit_code == 1
    assert "'Dew'" in refused.stderr
    assert "--suspend-experiments" in refused.stderr
    assert skycam("sessions", "stop", str(Session.objects.get().pk)).exit_code == 1
    assert desired() == "running"
