"""Every form with fixed fields: what is wrong stands at its field, says what is allowed, and nothing is changed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from cameras.models import Camera, SettingsPreset
from core.events.models import Event
from core.station_settings import StationSetting
from skycam_project.access.models import ApiToken, User
from tests.harness.browsers.html_check import html_errors
from tests.harness.clients.pages import described, tag_of, text_of

PART = {"HX-Request": "true"}
NEW = {"slug": "dome", "name": "Dome", "kind": "simulated", "address": "", "host": "main"}
AS_IT_IS = {"name": "Sky", "address": "", "host": "main", "enabled": "on"}
TOKEN = {"name": "robot", "scope": "viewer", "days": "90"}
ONE_LINE = "This contains a line break or an invisible character. Write one line of plain text."
PRESET_RULE = "A preset's name is 1 to 60 letters, digits, spaces and , . ( ) + - _, and begins with a letter or digit."


def assert_refused_at(answer: Any, ident: str, sentence: str) -> None:
    page = text_of(answer)
    assert answer.status_code == 400
    assert described(page, ident) == sentence
    assert 'aria-invalid="true"' in tag_of(page, ident)
    assert re.findall(r"<[^>]* autofocus[^>]*>", page) == [tag_of(page, ident)]


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("slug", "", "Write 1 to 40 lower-case letters, digits and hyphens, not detect."),
        ("slug", "x" * 41, "Write 1 to 40 lower-case letters, digits and hyphens, not detect."),
        ("slug", "detect", "A camera cannot be called detect: that is a route."),
        ("slug", "sky", "There is a camera 'sky' already."),
        ("name", "x" * 81, "Write 1 to 80 characters."),
        ("name", "two\nlines", ONE_LINE),
        ("kind", "", "Choose a kind."),
        ("address", "x" * 501, "An address has at most 500 characters."),
        ("host", "x" * 61, "Write the name of a camera host."),
    ],
)
def test_a_camera_is_not_added(manager: Any, camera: Camera, field: str, value: str, sentence: str) -> None:
    assert_refused_at(manager.post("/cameras/", {**NEW, field: value}, format="multipart"), f"add-{field}", sentence)
    assert Camera.objects.count() == 1


def test_an_unknown_kind_is_refused_with_those_that_exist(manager: Any, camera: Camera) -> None:
    page = text_of(manager.post("/cameras/", {**NEW, "kind": "<b>"}, format="multipart"))
    assert described(page, "add-kind").startswith("There is no kind '<b>'; known are: gphoto2, ")


def test_what_was_typed_stays_in_a_refused_form(manager: Any, camera: Camera) -> None:
    page = text_of(manager.post("/cameras/", {**NEW, "slug": "Dome!", "kind": "opencv"}, format="multipart"))
    assert 'value="Dome!"' in tag_of(page, "add-slug")
    assert '<option value="opencv" selected>' in page


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("name", "", "Write 1 to 80 characters."),
        ("name", "turned \u202eround", ONE_LINE),
        ("host", "", "Write the name of a camera host."),
        ("host", "x" * 61, "Write the name of a camera host."),
        ("address", "x" * 501, "An address has at most 500 characters."),
    ],
)
def test_a_camera_is_not_changed(manager: Any, camera: Camera, field: str, value: str, sentence: str) -> None:
    answer = manager.post("/cameras/sky/edit/", {**AS_IT_IS, field: value}, format="multipart")
    assert_refused_at(answer, f"edit-{field}", sentence)
    assert not Event.objects.filter(kind="camera.changed").exists()


def test_the_page_of_the_primary_camera_sends_nothing_about_that(manager: Any, camera: Camera) -> None:
    """So that it does not make the camera primary again when another one is by now."""
    Camera.objects.update(primary=True)
    assert 'primary"' not in "".join(re.findall(r'name="[^"]*"', text_of(manager.get("/cameras/sky/edit/"))))


def test_the_primary_camera_stays_primary(manager: Any, camera: Camera) -> None:
    Camera.objects.update(primary=True)
    manager.post("/cameras/sky/edit/", {**AS_IT_IS, "was-primary": "True"}, format="multipart")
    assert Camera.objects.get().primary


@pytest.mark.parametrize("typed", ["", "Sky", "x" * 41])
def test_a_camera_is_not_removed(manager: Any, camera: Camera, typed: str) -> None:
    answer = manager.post("/cameras/sky/remove/", {"typed": typed}, format="multipart")
    assert_refused_at(answer, "remove-typed", "This is not the camera's ID. Type sky to remove it.")


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("hang", "often", "Write a whole number from 1 to 1000."),
        ("hang", "2.5", "Write a whole number from 1 to 1000."),
        ("crash", "0", "Write a whole number from 1 to 1000."),
        ("slow", "0", "Write a number at most 600 and above 0."),
        ("temperature", "nan", "Write a number from -273 to 1000."),
        ("disconnect", "perhaps", "Choose on or off."),
    ],
)
def test_a_fault_is_not_switched_on(manager: Any, camera: Camera, field: str, value: str, sentence: str) -> None:
    answer = manager.post("/cameras/sky/faults/", {field: value}, headers=PART, format="multipart")
    assert_refused_at(answer, f"fault-{field}", sentence)
    assert "1 to correct" in text_of(answer)


def test_a_user_who_does_not_exist_cannot_be_in_the_audience(manager: Any, camera: Camera) -> None:
    fields = {"restricted": "yes", "audience": ["a-manager", "nobody"]}
    answer = manager.post("/cameras/sky/audience/", fields, headers=PART, format="multipart")
    page = text_of(answer)
    assert answer.status_code == 400
    assert 'aria-describedby="seen-by-audience-hint"' in page
    assert "There is no user nobody. A manager adds users on the page Users." in page
    assert not Camera.objects.get().restricted


@pytest.mark.parametrize("name", ["", "-dusk", "x" * 61])
def test_a_preset_without_a_valid_name_is_not_saved(operator: Any, camera: Camera, name: str) -> None:
    answer = operator.post("/cameras/sky/presets/", {"name": name}, headers=PART, format="multipart")
    assert_refused_at(answer, "preset-name", PRESET_RULE)
    assert not SettingsPreset.objects.exists()


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("name", "", "Give the token a name that says what uses it, such as backup script ."),
        ("name", "x" * 81, "A token's name has at most 80 characters."),
        ("name", "two\nlines", ONE_LINE),
        ("scope", "none", "Choose the maximum role of the token."),
        ("days", "9999", "Choose how long the token is valid."),
    ],
)
def test_a_token_is_not_made(operator: Any, field: str, value: str, sentence: str) -> None:
    answer = operator.post("/accounts/tokens/", {**TOKEN, field: value}, format="multipart")
    assert_refused_at(answer, f"token-{field}", sentence)
    assert not ApiToken.objects.exists()


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("username", "", "A user's name has 1 to 150 characters."),
        ("username", "x" * 151, "A user's name has 1 to 150 characters."),
        ("username", "a-manager", "There is a user of this name already."),
        ("username", "root", "root is a name that the station uses for itself. Choose another."),
        ("role", "none", "There is no such role. Choose viewer, operator or manager."),
    ],
)
def test_a_user_is_not_added(manager: Any, field: str, value: str, sentence: str) -> None:
    answer = manager.post("/users/", {"username": "guest", "role": "viewer", field: value}, format="multipart")
    assert_refused_at(answer, f"new-{field}", sentence)
    assert User.objects.count() == 1


def test_a_role_that_does_not_exist_is_not_given(manager: Any) -> None:
    guest = User.objects.create_user("guest", role="viewer")
    answer = manager.post(f"/users/{guest.pk}/", {"do": "role", "role": "none"}, format="multipart")
    assert answer.status_code == 400
    assert "There is no such role." in text_of(answer)
    assert User.objects.get(username="guest").role == "viewer"


def test_a_setting_that_is_not_allowed_is_not_stored(manager: Any, camera: Camera) -> None:
    form = {"camera_config.crf": "99", "was-camera_config.crf": "23"}
    answer = manager.post("/settings/", form, format="multipart")
    sentence = "This is not allowed; allowed is a whole number from 0 to 51."
    assert_refused_at(answer, "set-camera_config-crf", sentence)
    assert 'value="99"' in tag_of(text_of(answer), "set-camera_config-crf")
    assert not StationSetting.objects.exists()


def test_a_setting_that_cannot_be_set_on_the_page_is_named(manager: Any, camera: Camera) -> None:
    answer = manager.post("/settings/", {"web.port": "1", "was-web.port": "8080"}, format="multipart")
    assert "No such key can be set here." in text_of(answer)


@pytest.mark.parametrize("ident", ["set-camera_config-max_cameras", "set-live_streaming_config-max_viewers"])
def test_a_refused_form_shows_the_other_settings_as_before(manager: Any, camera: Camera, ident: str) -> None:
    before = tag_of(text_of(manager.get("/settings/")), ident)
    form = {"camera_config.crf": "99", "was-camera_config.crf": "23"}
    assert tag_of(text_of(manager.post("/settings/", form, format="multipart")), ident) == before


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("old_password", "", "Write a password."),
        ("old_password", "wrong", "Your old password was entered incorrectly. Please enter it again."),
        ("new_password2", "another", "The two password fields didn\N{RIGHT SINGLE QUOTATION MARK}t match."),
    ],
)
def test_a_password_is_not_changed(astronomer: Client, field: str, value: str, sentence: str) -> None:
    fields = {"old_password": "a-long-night", "new_password1": "a-night-of-stars", "new_password2": "a-night-of-stars"}
    page = text_of(astronomer.post("/accounts/password/", {**fields, field: value}))
    assert described(page, f"id_{field}") == sentence
    assert "a-night-of-stars" not in page


@pytest.fixture
def astronomer(db: None) -> Client:
    User.objects.create_user("astronomer", password="a-long-night", role="operator")
    client = Client()
    assert client.login(username="astronomer", password="a-long-night")
    return client


def test_a_sign_in_without_a_password_asks_for_it(anonymous: Any) -> None:
    page = text_of(anonymous.post("/accounts/login/", {"username": "ada"}, format="multipart"))
    assert described(page, "id_password") == "Write your password."
    assert 'value="ada"' in tag_of(page, "id_username")


def test_an_unknown_preference_changes_nothing(anonymous: Any) -> None:
    answer = anonymous.post("/preferences/", {"theme": "pink", "clock": "utc"}, format="multipart")
    assert answer.status_code == 302
    assert list(answer.cookies) == ["clock"]


def test_refused_forms_are_valid_html(html_validate: Path, manager: Any, camera: Camera, tmp_path: Path) -> None:
    wrong = {
        "add": ("/cameras/", {"slug": "Dome!", "kind": "radio"}),
        "audience": ("/cameras/sky/audience/", {"audience": "nobody", "restricted": "maybe"}),
        "faults": ("/cameras/sky/faults/", {"hang": "often", "disconnect": "perhaps"}),
        "token": ("/accounts/tokens/", {"name": "", "scope": "none"}),
        "user": ("/users/", {"username": "root", "role": "none"}),
        "settings": ("/settings/", {"camera_config.crf": "99", "was-camera_config.crf": "23"}),
        "password": ("/accounts/password/", {"old_password": "wrong"}),
        "destination": ("/storage/destinations/add/?kind=sftp", {"limit": "much", "classes": "all"}),
    }
    for name, (address, fields) in wrong.items():
        (tmp_path / f"{name}.html").write_text(text_of(manager.post(address, fields, format="multipart")))
    assert html_errors(html_validate, tmp_path) == ""
