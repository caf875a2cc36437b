"""Experiments over the API: what is created, moved, refused and shown, and to whom."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from cameras.models import Camera
from captures.experiments.resource import ReasonBody
from captures.experiments.selectors import experiment_for
from captures.experiments.service import ExperimentService, WrongState
from captures.models import Experiment, ExperimentCamera, RecordingClaim, StorageRoot
from captures.recordings.claims.services import hold_clips
from core.events.models import Event
from core.times.timestamps import stamp
from skycam_project.access.models import User
from tests.harness.rows.audiences import only_for
from tests.harness.rows.captures import UNKNOWN
from tests.harness.rows.clips import clip_of
from tests.harness.rows.experiments import experiment_of
from tests.harness.waiting import PATIENCE_S

URL = "/api/v1/experiments/"


@pytest.fixture
def dome(camera: Camera) -> Camera:
    return Camera.objects.create(slug="dome", name="Dome", kind="simulated", host=camera.host)


@pytest.fixture
def made(operator: Any, camera: Camera) -> str:
    """The address of a planned experiment."""
    answer = operator.post(URL, {"name": "Dew", "cameras": ["sky"], "post_roll_s": 0})
    assert answer.status_code == 201
    return str(answer["Location"])


def body(client: Any, address: str) -> dict[str, Any]:
    return dict(client.get(address).json())


def test_an_experiment_is_created_with_the_defaults_of_the_station(operator: Any, camera: Camera) -> None:
    Camera.objects.update(primary=True)
    created = operator.post(URL, {"name": " Dew on mirror 3 "}).json()
    assert created["name"] == "Dew on mirror 3"
    assert created["state"] == "planned"
    assert created["operator"] == created["created_by"] == "a-operator"
    assert created["cameras"] == [{"camera": "sky", "means": "", "message": ""}]
    assert (created["pre_roll_s"], created["post_roll_s"], created["still_interval_s"]) == (30, 30, 60)
    assert created["record"] is True
    assert Event.objects.get(kind="experiment.created").subject == created["id"]


def test_an_experiment_keeps_all_that_is_given(operator: Any, camera: Camera, dome: Camera) -> None:
    begin, end = timezone.now() + timedelta(hours=1), timezone.now() + timedelta(hours=2)
    given = {
        "name": "Dew", "method": "ISO 4", "description": "Two\nlines", "cameras": ["dome", "sky"], "tags": ["b", "a"],
        "planned_start": stamp(begin), "planned_end": stamp(end), "record": False, "pre_roll_s": 1, "post_roll_s": 2,
        "still_interval_s": 3,
    }  # fmt: skip
    created = operator.post(URL, given).json()
    assert {name: created[name] for name in given if name != "cameras"} == {
        name: value for name, value in given.items() if name != "cameras"
    }
    assert [place["camera"] for place in created["cameras"]] == ["dome", "sky"]


def test_without_a_primary_camera_the_cameras_are_to_be_named(operator: Any, camera: Camera) -> None:
    Camera.objects.update(primary=False)
    answer = operator.post(URL, {"name": "Dew"})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == "cameras"


BAD = [
    {}, [], {"name": ""}, {"name": "  "}, {"name": "x" * 301}, {"name": "a\nb"}, {"name": "a\u202eb"},
    {"name": "\u200d"}, {"name": "Dew", "cameras": ["nobody"]}, {"name": "Dew", "cameras": ["sky", "sky"]},
    {"name": "Dew", "cameras": ["../sky"]}, {"name": "Dew", "cameras": "sky"}, {"name": "Dew", "pre_roll_s": -1},
    {"name": "Dew", "pre_roll_s": 3601}, {"name": "Dew", "still_interval_s": 0}, {"name": "Dew", "record": 1},
    {"name": "Dew", "operator": "nobody"}, {"name": "Dew", "operator": "a-viewer"}, {"name": "Dew", "tags": [""]},
    {"name": "Dew", "tags": ["a", "a"]}, {"name": "Dew", "tags": ["t"] * 51}, {"name": "Dew", "state": "running"},
    {"name": "Dew", "planned_start": "2030-01-01T00:00:00"}, {"name": "Dew", "planned_end": "2020-01-01T00:00:00Z"},
    {"name": "Dew", "planned_start": "2030-01-02T00:00:00Z", "planned_end": "2030-01-01T00:00:00Z"},
]  # fmt: skip


@pytest.mark.parametrize("wrong", BAD, ids=str)
def test_a_bad_experiment_is_refused_and_leaves_nothing(wrong: Any, operator: Any, viewer: Any, camera: Camera) -> None:
    given = {"cameras": ["sky"], **wrong} if isinstance(wrong, dict) else wrong
    answer = operator.post(URL, given)
    assert answer.status_code == 400
    assert answer.json()["errors"]
    assert not Experiment.objects.exists()
    assert not Event.objects.exists()


@pytest.mark.parametrize("name", ["../../etc", "🔭 dew", "x" * 300, "CON", ".", "a/b", "<b>dew</b>"])
def test_any_readable_name_of_300_characters_is_taken(name: str, operator: Any, camera: Camera) -> None:
    answer = operator.post(URL, {"name": name, "cameras": ["sky"]})
    assert answer.status_code == 201
    assert answer.json()["name"] == name


def test_a_start_records_and_a_completion_ends_it(operator: Any, made: str, camera: Camera) -> None:
    started = operator.post(f"{made}start/").json()
    assert started["state"] == "running"
    assert started["started_by"] == "a-operator"
    assert started["cameras"] == [{"camera": "sky", "means": "clips", "message": ""}]
    assert RecordingClaim.objects.standing().count() == 1
    completed = operator.post(f"{made}complete/").json()
    assert completed["state"] == "completed"
    assert RecordingClaim.objects.standing().count() == 0


def test_an_abort_keeps_its_reason(operator: Any, made: str) -> None:
    operator.post(f"{made}start/")
    aborted = operator.post(f"{made}abort/", {"reason": "The lamp broke."}).json()
    assert (aborted["state"], aborted["message"]) == ("aborted", "The lamp broke.")
    assert "The lamp broke." in Event.objects.get(kind="experiment.aborted").message


def test_a_move_that_is_repeated_changes_nothing(operator: Any, made: str) -> None:
    first = operator.post(f"{made}start/").json()
    assert operator.post(f"{made}start/").json() == first
    assert Event.objects.filter(kind="experiment.started").count() == 1


@pytest.mark.parametrize(
    ("before", "move"), [("", "complete"), ("abort", "start"), ("abort", "complete"), ("start complete", "abort")]
)
def test_a_move_that_cannot_follow_is_refused(before: str, move: str, operator: Any, made: str) -> None:
    for step in before.split():
        operator.post(f"{made}{step}/")
    state = body(operator, made)["state"]
    answer = operator.post(f"{made}{move}/")
    assert answer.status_code == 409
    assert answer.json()["type"] == "/problems/experiment-state"
    assert state in answer.json()["detail"]
    assert body(operator, made)["state"] == state


def test_a_start_after_the_planned_end_is_refused_until_that_is_changed(
    operator: Any, made: str, camera: Camera
) -> None:
    Experiment.objects.update(planned_end=timezone.now() - timedelta(seconds=1))
    refused = operator.post(f"{made}start/")
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/experiment-state")
    assert "Change or clear its planned end" in refused.json()["detail"]
    operator.patch(made, {"planned_end": None})
    assert operator.post(f"{made}start/").json()["state"] == "running"


@pytest.mark.django_db(transaction=True)
def test_of_a_completion_and_an_abort_at_once_one_wins(camera: Camera) -> None:
    run = Experiment.objects.create(name="Dew", operator="ada", still_interval_s=60)
    ExperimentCamera.objects.create(experiment=run, camera=camera, position=1)
    ExperimentService(None, "ada").start(run)
    together = Barrier(2)

    def end(verb: str, *wanted: ReasonBody) -> str:
        together.wait(PATIENCE_S)
        try:
            return str(getattr(ExperimentService(None, "ada"), verb)(run, *wanted).state)
        except WrongState:
            return "refused"
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        ending = [pool.submit(end, "complete"), pool.submit(end, "abort", ReasonBody())]
        ends = [one.result() for one in ending]
    assert ends.count("refused") == 1
    assert Event.objects.filter(kind__in=["experiment.completed", "experiment.aborted"]).count() == 1


def test_a_planned_experiment_can_be_changed(operator: Any, made: str, camera: Camera, dome: Camera) -> None:
    changed = operator.patch(made, {"name": "Frost", "cameras": ["dome"], "tags": ["cold"], "pre_roll_s": 5}).json()
    assert (changed["name"], changed["tags"], changed["pre_roll_s"]) == ("Frost", ["cold"], 5)
    assert [place["camera"] for place in changed["cameras"]] == ["dome"]
    assert changed["post_roll_s"] == 0


def test_a_planned_time_is_cleared_with_null(operator: Any, made: str) -> None:
    operator.patch(made, {"planned_end": stamp(timezone.now() + timedelta(hours=1))})
    assert operator.patch(made, {"planned_end": None}).json()["planned_end"] is None


@pytest.mark.parametrize("fields", [{"cameras": ["dome"]}, {"pre_roll_s": 1}, {"record": False}])
def test_what_is_recorded_cannot_change_while_it_runs(fields: Any, operator: Any, made: str, dome: Camera) -> None:
    operator.post(f"{made}start/")
    answer = operator.patch(made, fields)
    assert answer.status_code == 409
    assert next(iter(fields)) in answer.json()["detail"]
    assert body(operator, made)["record"] is True


def test_the_planned_end_and_the_texts_can_change_while_it_runs(operator: Any, made: str) -> None:
    operator.post(f"{made}start/")
    end = stamp(timezone.now() + timedelta(hours=1))
    changed = operator.patch(made, {"planned_end": end, "description": "More."}).json()
    assert (changed["planned_end"], changed["description"]) == (end, "More.")


def test_notes_have_their_time_and_author_and_stay(operator: Any, made: str) -> None:
    about = stamp(timezone.now() - timedelta(minutes=5))
    note = operator.post(f"{made}notes/", {"text": "First drops.", "at": about})
    assert note.status_code == 201
    assert (note.json()["at"], note.json()["author"]) == (about, "a-operator")
    assert body(operator, f"{made}account/")["notes"] == [note.json()]
    with pytest.raises(TypeError, match="written once"):
        Experiment.objects.get().notes.get().save()


def test_attachments_are_references(operator: Any, made: str) -> None:
    given = {"label": "Protocol", "reference": "doi:10.1000/182"}
    added = operator.post(f"{made}attachments/", given)
    assert added.status_code == 201
    assert {name: added.json()[name] for name in given} == given
    assert body(operator, f"{made}account/")["attachments"] == [added.json()]


@pytest.mark.parametrize(("path", "wrong"), [
    ("notes/", {}), ("notes/", {"text": " "}), ("notes/", {"text": "a\u202eb"}), ("notes/", {"text": "x" * 20_001}),
    ("notes/", {"text": "x", "at": "yesterday"}), ("attachments/", {"label": "x"}),
    ("attachments/", {"label": "", "reference": "x"}), ("attachments/", {"label": "x", "reference": "x" * 2001}),
])  # fmt: skip
def test_a_bad_note_or_attachment_is_refused(path: str, wrong: Any, operator: Any, made: str) -> None:
    assert operator.post(f"{made}{path}", wrong).status_code == 400
    account = body(operator, f"{made}account/")
    assert account["notes"] == account["attachments"] == []


def test_the_list_is_filtered(operator: Any, made: str, dome: Camera) -> None:
    operator.post(URL, {"name": "Frost", "cameras": ["dome"], "tags": ["cold"], "method": "Slow"})
    operator.post(f"{made}start/")

    def names(query: str) -> list[str]:
        return [one["name"] for one in operator.get(f"{URL}?{query}").json()["results"]]

    assert names("") == ["Frost", "Dew"]
    assert names("state=running") == ["Dew"]
    assert names("camera=dome") == ["Frost"]
    assert names("tag=cold") == ["Frost"]
    assert names("search=slow") == ["Frost"]
    assert names("operator=nobody") == []
    assert operator.get(f"{URL}?stat=running").status_code == 400


def test_a_list_needs_no_more_queries_for_more_experiments(operator: Any, made: str, camera: Camera) -> None:
    with CaptureQueriesContext(connection) as of_one:
        operator.get(URL)
    experiment_of(camera)
    experiment_of(camera)
    with CaptureQueriesContext(connection) as of_three:
        assert len(operator.get(URL).json()["results"]) == 3
    assert len(of_three) == len(of_one)


def test_a_user_sees_an_experiment_of_which_they_see_a_camera_and_only_that_camera(
    operator: Any, manager: Any, camera: Camera, dome: Camera
) -> None:
    address = manager.post(URL, {"name": "Dew", "cameras": ["sky", "dome"]})["Location"]
    only_for(dome, User.objects.create_user("guest").username)
    assert [place["camera"] for place in body(operator, address)["cameras"]] == ["sky"]
    manager.post(f"{address}start/")
    assert [one["camera"] for one in body(operator, f"{address}account/")["cameras"]] == ["sky"]
    assert "dome" not in str(body(operator, address))


def test_a_user_who_sees_none_of_its_cameras_does_not_see_an_experiment(
    operator: Any, manager: Any, camera: Camera
) -> None:
    address = manager.post(URL, {"name": "Dew", "cameras": ["sky"]})["Location"]
    only_for(camera, User.objects.create_user("guest").username)
    assert operator.get(address).status_code == 404
    assert operator.get(URL).json()["results"] == []
    assert operator.get("/api/v1/events/?kind=experiment.created").json()["results"] == []


@pytest.mark.parametrize("move", ["start", "abort"])
def test_a_user_who_does_not_see_all_cameras_cannot_change_it(
    move: str, operator: Any, manager: Any, camera: Camera, dome: Camera
) -> None:
    address = manager.post(URL, {"name": "Dew", "cameras": ["sky", "dome"]})["Location"]
    only_for(dome, User.objects.create_user("guest").username)
    answer = operator.post(f"{address}{move}/")
    assert answer.status_code == 403
    assert "cameras that you may not see" in answer.json()["detail"]
    assert body(manager, address)["state"] == "planned"


def test_a_camera_that_was_added_since_the_experiment_was_read_is_not_started_for_who_may_not_see_it(
    operator: Any, manager: Any, made: str, dome: Camera
) -> None:
    only_for(dome, User.objects.create_user("guest").username)
    user = User.objects.get(username="a-operator")
    read_before = experiment_for(user, Experiment.objects.get().pk)
    assert manager.patch(made, {"cameras": ["sky", "dome"]}).status_code == 200
    with pytest.raises(PermissionDenied):
        ExperimentService(user, "a-operator").start(read_before)
    assert body(manager, made)["state"] == "planned"
    assert not RecordingClaim.objects.exists()


def test_an_unknown_experiment_is_not_there(operator: Any) -> None:
    assert operator.get(f"{URL}{UNKNOWN}/").status_code == 404
    assert operator.post(f"{URL}{UNKNOWN}/start/").status_code == 404


def test_a_manager_releases_the_clips_of_a_run_that_has_ended(
    manager: Any, operator: Any, made: str, camera: Camera, root: StorageRoot
) -> None:
    clip = clip_of(camera, root)
    hold_clips([clip.pk], Experiment.objects.get().pk)
    operator.post(f"{made}start/")
    assert manager.post(f"{made}release/").status_code == 409
    operator.post(f"{made}abort/")
    assert operator.post(f"{made}release/").status_code == 403
    assert manager.post(f"{made}release/").json() == {"clips": 1}
    assert not clip.holds.exists()
    assert clip.experiment_links.exists()
    assert Event.objects.get(kind="experiment.released").data["clips"] == 1
