"""A manager chooses the formats of a camera's stills on its form."""

from __future__ import annotations

from typing import Any

import pytest

from cameras.models import Camera
from core.events.models import Event

EDIT = "/cameras/sky/edit/"
AS_IT_IS = {"name": "Sky", "address": "", "host": "main", "enabled": "on", "primary": "on"}


def edited(manager: Any, **fields: str) -> Any:
    return manager.post(EDIT, {**AS_IT_IS, **fields}, format="multipart")


def test_formats_are_chosen_the_primary_one_first(manager: Any, camera: Camera) -> None:
    assert edited(manager, keep="FITS, jpeg", fits_compression="rice").status_code == 302
    camera.refresh_from_db()
    assert (camera.keep, camera.fits_compression) == (["fits", "jpeg"], "rice")


def test_the_form_shows_the_formats(manager: Any, camera: Camera) -> None:
    Camera.objects.update(keep=["tiff", "jpeg"])
    assert 'value="tiff jpeg"' in manager.get(EDIT).content.decode()


@pytest.mark.parametrize("typed", ["", " , ", "gif", "jpeg, jpeg", "jpeg; fits"])
def test_other_texts_are_refused_at_their_field(manager: Any, camera: Camera, typed: str) -> None:
    answer = edited(manager, keep=typed)
    assert answer.status_code == 400
    assert 'aria-describedby="edit-keep-hint"' in answer.content.decode()
    assert Camera.objects.get().keep == ["jpeg"]


def test_a_form_without_formats_leaves_them(manager: Any, camera: Camera) -> None:
    Camera.objects.update(keep=["png"])
    edited(manager, name="Fish-eye")
    assert Camera.objects.get().keep == ["png"]
    assert Event.objects.get(kind="camera.changed").message.endswith("changed name of sky.")


def test_the_form_of_a_dslr_has_no_formats(manager: Any, camera: Camera) -> None:
    Camera.objects.update(kind="gphoto2")
    page = manager.get(EDIT).content.decode()
    assert 'name="keep"' not in page
    assert "the files that the camera makes, unchanged" in page
    assert edited(manager, keep="fits", name="DSLR").status_code == 302
    assert Camera.objects.get().keep == ["jpeg"]
