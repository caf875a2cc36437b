"""The forms of experiments: create, edit, start, complete, abort, notes and attachments."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
import uuid6
from django.utils import timezone

from cameras.models import Camera
from captures.experiments.models import Experiment
from captures.experiments.service import ExperimentService
from tests.harness.clients.pages import described, text_of
from tests.harness.rows.experiments import experiment_of, running

ADD = "/experiments/add/"
SCRIPT = {"HX-Request": "true"}


@pytest.fixture
def other(camera: Camera) -> Camera:
    return Camera.objects.create(slug="bath", name="Crystal bath", kind="simulated", host=camera.host)


def values(**changes: Any) -> dict[str, Any]:
    return {
        "name": "Dew", "cameras": ["sky"], "operator": "a-operator", "record": "on", "pre_roll_s": "30 s",
        "post_roll_s": "1 min", "still_interval_s": "90", "tags": "dew, mirror", **changes,
    }  # fmt: skip


def post(client: Any, path: str, data: dict[str, Any], **more: Any) -> Any:
    return client.post(path, data, format="multipart", **more)


def hidden(client: Any, path: str) -> dict[str, Any]:
    """The values that the form shows, as a browser sends them back."""
    text = text_of(client.get(path))
    found = re.findall(r'<input type="hidden" name="(was-[a-z_]+)" value="([^"]*)"', text)
    return dict(found)


def test_the_form_starts_with_the_defaults_of_the_station(operator: Any, other: Camera) -> None:
    text = text_of(operator.get(ADD))
    assert re.search(r'value="sky"[^>]* checked', text), "the primary camera"
    assert not re.search(r'value="bath"[^>]* checked', text)
    assert '<option value="a-operator" selected>' in text


def test_an_operator_creates_an_experiment(operator: Any, other: Camera) -> None:
    answer = post(operator, ADD, values(cameras=["sky", "bath"], planned_start="2099-01-02 03:04"))
    made = Experiment.objects.get()
    assert answer["Location"] == f"/experiments/{made.pk}/"
    assert (made.state, made.pre_roll_s, made.post_roll_s, made.still_interval_s) == ("planned", 30, 60, 90)
    assert [place.camera.slug for place in made.places.all()] == ["sky", "bath"]
    assert [tag.name for tag in made.tags.all()] == ["dew", "mirror"]
    assert timezone.localtime(made.planned_start).hour == 3


def test_create_and_start_starts_it(operator: Any, camera: Camera) -> None:
    post(operator, ADD, values(start="yes"))
    camera.refresh_from_db()
    assert Experiment.objects.get().state == "running"
    assert camera.recording == "rolling"


def test_a_form_that_is_sent_twice_creates_one(operator: Any, camera: Camera) -> None:
    sent = values(id=str(uuid6.uuid7()))
    answers = [post(operator, ADD, sent) for _ in range(2)]
    assert Experiment.objects.count() == 1
    assert answers[0]["Location"] == answers[1]["Location"]


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("name", " ", "Write a name of 1 to 300 characters"),
        ("name", "x" * 301, "Write a name of 1 to 300 characters"),
        ("name", "a\u202eb", "Write one line of plain text."),
        ("method", "x" * 201, "Write at most 200 characters"),
        ("cameras", [], "Choose at least one camera."),
        ("cameras", ["nowhere"], "There is no camera nowhere."),
        ("tags", "a, a", "Name each of them once."),
        ("tags", "x" * 61, "at most 60 characters"),
        ("operator", "nobody", "There is no user 'nobody' with the role operator."),
        ("planned_start", "tomorrow", "'tomorrow' is not a date and time."),
        ("planned_end", "2020-01-01", "It is over already."),
        ("pre_roll_s", "2 h", "Write 0 to 60 min"),
        ("post_roll_s", "long", "Write 12 s, 90 min, 2 h or 1 h 30 min."),
        ("still_interval_s", "0", "Write 1 s to 24 h"),
    ],
)
def test_an_error_is_beside_its_field(field: str, value: Any, sentence: str, operator: Any, camera: Camera) -> None:
    answer = post(operator, ADD, values(**{field: value}))
    assert answer.status_code == 400
    assert sentence in answer.context["form"][field].error_text
    assert "1 to correct. Nothing was saved." in text_of(answer)
    assert Experiment.objects.count() == 0


def test_an_error_describes_its_field_to_screen_readers(operator: Any, camera: Camera) -> None:
    text = text_of(post(operator, ADD, values(planned_end="soon")))
    assert "'soon' is not a date and time." in described(text, "experiment-planned_end")


def test_the_end_must_be_after_the_start(operator: Any, camera: Camera) -> None:
    answer = post(operator, ADD, values(planned_start="2099-01-02", planned_end="2099-01-01"))
    assert answer.context["form"]["planned_end"].error_text == "It must be after the planned start."


def test_an_edit_changes_the_edited_fields_alone(operator: Any, camera: Camera) -> None:
    found = experiment_of(camera, method="Cooling")
    shown = hidden(operator, f"/experiments/{found.pk}/edit/")
    Experiment.objects.update(method="Heating")
    sent = values(name="Frost", method="Cooling", tags="", pre_roll_s="0 s", post_roll_s="0 s", still_interval_s="60 s")
    post(operator, f"/experiments/{found.pk}/edit/", {**shown, **sent})
    found.refresh_from_db()
    assert (found.name, found.method) == ("Frost", "Heating")


def test_a_planned_end_can_be_cleared(operator: Any, camera: Camera) -> None:
    found = running(camera, planned_end=timezone.now() + timedelta(hours=1))
    shown = hidden(operator, f"/experiments/{found.pk}/edit/")
    post(operator, f"/experiments/{found.pk}/edit/", {**shown, "name": "Dew", "planned_end": ""})
    found.refresh_from_db()
    assert found.planned_end is None


def test_what_a_running_experiment_cannot_change_is_text(operator: Any, camera: Camera) -> None:
    text = text_of(operator.get(f"/experiments/{running(camera).pk}/edit/"))
    assert "cannot be changed any more: the experiment is running" in text
    assert "<dt>Cameras</dt><dd>Sky</dd>" in text
    assert 'name="cameras"' not in text
    assert 'name="planned_end"' in text


def test_an_edit_of_what_has_begun_meanwhile_is_refused(operator: Any, camera: Camera, other: Camera) -> None:
    found = experiment_of(camera)
    shown = hidden(operator, f"/experiments/{found.pk}/edit/")
    ExperimentService(None, "anna").start(found)
    answer = post(operator, f"/experiments/{found.pk}/edit/", {**shown, **values(cameras=["sky", "bath"], tags="")})
    assert answer.status_code == 409
    assert "cannot be changed any more. Nothing was changed." in text_of(answer)
    assert found.places.count() == 1


@pytest.mark.parametrize(("move", "state"), [("start", "running"), ("abort", "aborted")])
def test_an_operator_moves_a_planned_experiment(move: str, state: str, operator: Any, camera: Camera) -> None:
    found = experiment_of(camera)
    assert operator.post(f"/experiments/{found.pk}/{move}/").status_code == 302
    found.refresh_from_db()
    assert (found.state, found.started_by or found.ended_by) == (state, "a-operator")


def test_a_move_that_the_state_does_not_allow_is_explained(operator: Any, camera: Camera) -> None:
    answer = operator.post(f"/experiments/{experiment_of(camera).pk}/complete/", headers=SCRIPT)
    assert "is planned; it cannot become completed." in text_of(answer)


def test_an_abort_stores_its_reason(operator: Any, camera: Camera) -> None:
    found = running(camera)
    assert 'name="reason"' in text_of(operator.get(f"/experiments/{found.pk}/abort/"))
    answer = post(operator, f"/experiments/{found.pk}/abort/", {"reason": "The lamp\r\nfailed."}, headers=SCRIPT)
    found.refresh_from_db()
    assert (found.state, found.message) == ("aborted", "The lamp\nfailed.")
    assert answer["HX-Retarget"] == "#said-experiment"


def test_a_reason_that_is_too_long_changes_nothing(operator: Any, camera: Camera) -> None:
    found = running(camera)
    answer = post(operator, f"/experiments/{found.pk}/abort/", {"reason": "x" * 2001})
    assert "Write at most 2,000 characters" in text_of(answer)
    assert Experiment.objects.get().state == "running"


def test_a_note_is_added_with_its_time(operator: Any, camera: Camera) -> None:
    found = running(camera)
    answer = post(
        operator, f"/experiments/{found.pk}/notes/", {"text": "Drops.", "at": "2026-01-02 03:04"}, headers=SCRIPT
    )
    note = found.notes.get()
    assert (note.text, note.author, timezone.localtime(note.at).hour) == ("Drops.", "a-operator", 3)
    assert "Drops." not in text_of(answer), "the form is empty again"
    assert answer["HX-Trigger"] == "acted"


@pytest.mark.parametrize("part", ["notes", "attachments"])
@pytest.mark.parametrize(("headers", "is_page"), [(SCRIPT, False), ({}, True)])
def test_an_empty_form_is_refused_at_its_field(
    part: str, headers: Any, is_page: bool, operator: Any, camera: Camera
) -> None:
    found = running(camera)
    answer = post(operator, f"/experiments/{found.pk}/{part}/", {"reference": "x", "at": "now!"}, headers=headers)
    assert answer.status_code == 400
    assert 'class="hint bad"' in text_of(answer)
    assert ("<html" in text_of(answer)) == is_page
    assert found.notes.count() + found.attachments.count() == 0


def test_a_reference_is_added(operator: Any, camera: Camera) -> None:
    found = running(camera)
    answer = post(operator, f"/experiments/{found.pk}/attachments/", {"label": "Protocol", "reference": "doi:10.1/x"})
    assert answer["Location"] == f"/experiments/{found.pk}/"
    assert found.attachments.get().reference == "doi:10.1/x"


def test_the_dashboard_names_a_running_experiment(viewer: Any, camera: Camera) -> None:
    found = running(camera)
    line = text_of(viewer.get("/")).partition('id="running"')[2].partition("</section>")[0]
    assert f'<a href="/experiments/{found.pk}/">Dew</a>' in line
    assert "on Sky" in line
