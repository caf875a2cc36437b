"""A manager renames a camera, changes its address, disables it, and removes it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from cameras import leases
from cameras.models import Camera
from captures.models import Session
from core.events.models import Event
from tests.harness.browsers.html_check import html_errors
from tests.harness.clients.pages import tag_of, text_of
from tests.harness.races.removed_camera import remove_before_the_lock

EDIT, REMOVE = "/cameras/sky/edit/", "/cameras/sky/remove/"
PART = {"HX-Request": "true"}
AS_IT_IS = {"name": "Sky", "address": "", "host": "main", "enabled": "on", "primary": "on"}
PASSWORD = "rtsp://me:hunter2@10.0.0.9/live"


def edited(manager: Any, **fields: str) -> Any:
    return manager.post(EDIT, {**AS_IT_IS, **fields}, format="multipart")


def network(camera: Camera) -> None:
    camera.kind, camera.address = "network", PASSWORD
    camera.full_clean(exclude=["audience"])
    camera.save()


def test_a_camera_is_renamed(manager: Any, camera: Camera) -> None:
    answer = edited(manager, name="Fish-eye")
    assert answer.status_code == 302
    assert answer["Location"] == "/cameras/sky/"
    assert Camera.objects.get().name == "Fish-eye"
    assert Event.objects.get(kind="camera.changed").message.endswith("changed name of sky.")


def test_a_camera_gets_another_address(manager: Any, camera: Camera) -> None:
    edited(manager, address="dome")
    assert Camera.objects.get().address == "dome"


def test_a_camera_is_disabled_and_enabled(manager: Any, camera: Camera) -> None:
    manager.post(EDIT, {name: value for name, value in AS_IT_IS.items() if name != "enabled"}, format="multipart")
    assert not Camera.objects.get().enabled
    edited(manager)
    assert Camera.objects.get().enabled


def test_untouched_fields_do_not_undo_the_changes_of_others(manager: Any, camera: Camera) -> None:
    stood = {f"was-{name}": value for name, value in AS_IT_IS.items()}
    Camera.objects.update(address="dome")
    edited(manager, **stood, name="Fish-eye")
    assert Camera.objects.get().name == "Fish-eye"
    assert Camera.objects.get().address == "dome"


def test_an_untouched_form_changes_nothing(manager: Any, camera: Camera) -> None:
    edited(manager)
    assert not Event.objects.filter(kind="camera.changed").exists()


def test_all_errors_are_shown_at_their_fields(manager: Any, camera: Camera) -> None:
    answer = edited(manager, name="", address="A B")
    page = text_of(answer)
    assert answer.status_code == 400
    assert "Write 1 to 80 characters." in page
    for attribute in ('name="name"', 'maxlength="80"', "required", 'aria-invalid="true"', "autofocus"):
        assert attribute in tag_of(page, "edit-name")
    assert "Nothing was changed." in page
    assert "name:" not in page


def test_an_invalid_address_is_an_error_at_its_field(manager: Any, camera: Camera) -> None:
    page = text_of(edited(manager, address="A B"))
    assert re.search(r'<p class="hint bad" id="edit-address-hint">.*?any name of at most 40', page)
    assert 'value="A B"' in page


def test_a_password_is_kept_and_never_shown(manager: Any, camera: Camera) -> None:
    network(camera)
    page = text_of(manager.get(EDIT))
    assert "rtsp://me:***@10.0.0.9/live" in page
    assert "hunter2" not in page
    edited(manager, address="rtsp://me:***@10.0.0.9/other", **{"was-address": "rtsp://me:***@10.0.0.9/live"})
    assert Camera.objects.get().full_address == "rtsp://me:hunter2@10.0.0.9/other"


def test_a_refused_form_does_not_show_a_typed_password_again(manager: Any, camera: Camera) -> None:
    network(camera)
    page = text_of(edited(manager, name="", address="rtsp://me:swordfish@10.0.0.9/live"))
    assert "swordfish" not in page


def test_a_camera_with_a_session_keeps_its_address_and_says_why(manager: Any, camera: Camera) -> None:
    Session.objects.create(camera=camera, programme={"exposure_us": 1}, state="running", created_by="bob")
    answer = edited(manager, address="dome")
    assert answer.status_code == 409
    assert "Nothing was changed. Sky is held by bob since" in text_of(answer)
    assert edited(manager, name="Fish-eye").status_code == 302


@pytest.mark.parametrize("path", [EDIT, REMOVE])
def test_a_camera_held_by_another_is_not_changed(path: str, manager: Any, camera: Camera) -> None:
    leases.acquire_lease(camera, "bob")
    answer = manager.post(path, {**AS_IT_IS, "address": "dome", "typed": "sky"}, format="multipart")
    assert "Sky is held by bob since" in text_of(answer)
    assert Camera.objects.get().address == ""
    assert Camera.objects.get().removed_at is None


def test_removing_lists_what_is_kept_and_asks_for_the_id(manager: Any, camera: Camera) -> None:
    page = text_of(manager.get(REMOVE, headers=PART))
    assert "its pictures, clips, sessions and events" in page
    answer = manager.post(REMOVE, {"typed": "Sky"}, headers=PART, format="multipart")
    assert answer.status_code == 400
    assert "Type sky to remove it." in text_of(answer)
    assert Camera.objects.get().removed_at is None


def test_typing_the_id_removes_the_camera(manager: Any, camera: Camera) -> None:
    answer = manager.post(REMOVE, {"typed": "sky"}, headers=PART, format="multipart")
    assert answer["HX-Redirect"] == "/cameras/"
    assert Camera.objects.get().removed_at is not None
    assert "Sky was removed. Its pictures, clips and sessions are kept." in text_of(manager.get("/cameras/"))


def test_a_camera_is_removed_without_scripts(manager: Any, camera: Camera) -> None:
    assert "<html" in text_of(manager.get(REMOVE))
    assert manager.post(REMOVE, {"typed": "sky"}, format="multipart")["Location"] == "/cameras/"


def test_a_camera_that_is_removed_while_it_is_edited_is_not_found(manager: Any, camera: Camera) -> None:
    with connection.execute_wrapper(remove_before_the_lock):
        assert edited(manager, name="Fish-eye").status_code == 404
    assert Camera.objects.get().name == "Sky"


def test_only_a_manager_gets_the_link_to_edit(manager: Any, operator: Any, camera: Camera) -> None:
    assert f'href="{EDIT}"' in text_of(manager.get("/cameras/sky/"))
    assert f'href="{EDIT}"' not in text_of(operator.get("/cameras/sky/"))


def test_errors_of_the_add_form_are_shown_at_their_fields(manager: Any, camera: Camera) -> None:
    page = text_of(
        manager.post("/cameras/", {"slug": "Dome!", "kind": "simulated", "address": "A B"}, format="multipart")
    )
    assert re.search(r'<p class="hint bad" id="add-slug-hint">.*?1 to 40 lower-case letters', page)
    assert re.search(r'<p class="hint bad" id="add-address-hint">.*?any name of at most 40', page)
    assert "2 to correct. Nothing was added." in page
    assert "slug:" not in page


def test_a_found_camera_is_offered_a_name(manager: Any, camera: Camera) -> None:
    asked = {"slug": "dome", "name": "Dome", "kind": "simulated", "address": "", "host": "main", "model": "X 1"}
    answer = manager.post("/cameras/", asked, headers=PART, format="multipart")
    assert Camera.objects.get(slug="dome").name == "Dome"
    assert ">Dome</a>" in text_of(answer)


def test_the_pages_are_valid_html(html_validate: Path, manager: Any, camera: Camera, tmp_path: Path) -> None:
    (tmp_path / "edit.html").write_text(text_of(edited(manager, name="", address="A B")))
    (tmp_path / "remove.html").write_text(text_of(manager.post(REMOVE, {"typed": "x"}, format="multipart")))
    assert html_errors(html_validate, tmp_path) == ""
