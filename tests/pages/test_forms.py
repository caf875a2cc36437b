"""The settings form, built from a camera's capabilities, and the form that starts a session."""

from __future__ import annotations

from typing import Any

import pytest

from cameras.models import Camera
from cameras.settings.settings_form import SettingsForm
from tests.harness.clients.pages import text_of


def test_an_exposure_without_a_unit_is_refused_with_both_meanings(able: Camera) -> None:
    exposure = SettingsForm(able, {"exposure_us": "30"}).fields[0]
    assert exposure.error == "30 has no unit. Write 30 s or 30 ms."
    assert exposure.readings == ["30 s", "30 ms"]


def test_the_meanings_are_buttons_that_fill_the_field(operator: Any, able: Camera) -> None:
    page = text_of(operator.post("/cameras/sky/settings/", {"exposure_us": "30"}, format="multipart"))
    assert 'data-fill="set-exposure_us" data-value="30 s"' in page
    assert 'data-fill="set-exposure_us" data-value="30 ms"' in page


def test_an_invalid_exposure_is_refused_with_a_reason(able: Camera) -> None:
    assert "is not an exposure. Write 8 s" in SettingsForm(able, {"exposure_us": "long"}).fields[0].error


def test_the_form_shows_the_value_that_the_camera_uses(able: Camera) -> None:
    exposure, gain, _ = SettingsForm(able).fields
    assert exposure.value == "12 ms"
    assert exposure.has == "11.996 ms"
    assert exposure.differs_from_camera is True
    assert gain.value == ""
    assert gain.has == "4"
    assert gain.range == "1 to 16 dB"


def test_values_are_parsed_into_the_drivers_units(able: Camera) -> None:
    form = SettingsForm(able, {"exposure_us": "1/50 s", "gain": "2.5", "shot_noise": "yes"})
    assert form.values == {"exposure_us": 20_000, "gain": 2.5, "shot_noise": True}


def test_a_value_out_of_range_is_refused_with_the_range(able: Camera) -> None:
    form = SettingsForm(able, {"exposure_us": "12 ms", "gain": "34"})
    assert form.valid is False
    assert form.error_count == 1
    assert form.fields[1].error == "1 to 16 dB on this camera"


@pytest.mark.parametrize("gain", [2.123456789, 34.0])
def test_untouched_fields_keep_the_desired_settings(gain: float, able: Camera) -> None:
    """The form shows fewer digits, and a preset may have settings that the camera lacks."""
    able.settings = {"gain": gain}
    shown = {field.name: field.value for field in SettingsForm(able).fields}
    assert SettingsForm(able, {**shown, "exposure_us": "1 s"}).values == {"gain": gain, "exposure_us": 1_000_000}


def test_an_open_form_does_not_undo_the_changes_of_others(able: Camera) -> None:
    stood = {f"was-{field.name}": field.value for field in SettingsForm(able).fields}
    able.settings = {"exposure_us": 8_000_000, "gain": 4.0}
    asked = {**stood, "exposure_us": "12 ms", "gain": "", "shot_noise": "yes"}
    assert SettingsForm(able, asked).values == {"exposure_us": 8_000_000, "gain": 4.0, "shot_noise": True}


def test_an_empty_field_leaves_the_setting_to_the_camera(able: Camera) -> None:
    assert SettingsForm(able, {"exposure_us": "", "gain": ""}).values == {}


def test_a_bad_value_changes_nothing(operator: Any, able: Camera) -> None:
    answer = operator.post("/cameras/sky/settings/", {"gain": "much"}, format="multipart")
    assert answer.status_code == 400
    assert "1 to 16 dB on this camera" in text_of(answer)
    assert Camera.objects.get().settings == {"exposure_us": 12_000}


def test_settings_are_stored_for_a_disconnected_camera(operator: Any, able: Camera, valkey: Any) -> None:
    answer = operator.post("/cameras/sky/settings/", {"gain": "2"}, format="multipart")
    assert "Stored until the camera connects." in text_of(answer)
    assert Camera.objects.get().settings == {"gain": 2.0}


def test_invalid_stored_settings_of_a_camera_without_capabilities_are_refused(operator: Any, able: Camera) -> None:
    Camera.objects.update(capabilities={}, settings={"gain": "high"})
    assert operator.post("/cameras/sky/settings/", {}, format="multipart").status_code == 400
    assert Camera.objects.get().settings == {"gain": "high"}


def test_a_refused_form_says_that_nothing_was_sent(operator: Any, able: Camera) -> None:
    page = text_of(operator.post("/cameras/sky/settings/", {"exposure_us": "3 s", "gain": "much"}, format="multipart"))
    assert "1 to correct. Nothing was sent." in page
    assert "Not sent. Camera has 11.996 ms" in page
    assert "Camera took" not in page
    assert 'aria-invalid="true" autofocus' in page
