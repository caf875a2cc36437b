"""The settings form that a camera's own words make, and the form that starts a session."""

from __future__ import annotations

from typing import Any

import pytest

from cameras.models import Camera
from cameras.settings_form import SettingsForm, microseconds
from captures.start_form import StartForm

CAN = {
    "exposure_us": {"unit": "µs", "minimum": 20, "maximum": 600_000_000, "step": 1},
    "gain": {"unit": "dB", "minimum": 1, "maximum": 16},
    "shot_noise": {"choices": [False, True]},
}


@pytest.fixture
def able(camera: Camera) -> Camera:
    camera.capabilities = {"settings": CAN}
    camera.read_back = {"exposure_us": 11_996, "gain": 4.0}
    camera.settings = {"exposure_us": 12_000}
    camera.save()
    return camera


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("8 s", 8_000_000),
        ("250ms", 250_000),
        ("12.5", 12_500),
        ("500 µs", 500),
        ("1/50 s", 20_000),
        ("2,5 s", 2_500_000),
    ],
)
def test_an_exposure_is_written_as_people_write_it(text: str, expected: int) -> None:
    assert microseconds(text) == expected


@pytest.mark.parametrize("text", ["", "long", "1/0 s", "nan", "inf s", "8 h", "1/-2 s", "1e308 s", "8/1e-320 s"])
def test_what_is_no_exposure_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^|could not convert"):
        microseconds(text)


def test_the_form_says_what_the_camera_really_took(able: Camera) -> None:
    exposure, gain, _ = SettingsForm(able).fields
    assert (exposure.value, exposure.has, exposure.taken_otherwise) == ("12 ms", "11.996 ms", True)
    assert (gain.value, gain.has, gain.range) == ("", "4", "1 to 16 dB")


def test_values_are_read_as_the_driver_takes_them(able: Camera) -> None:
    form = SettingsForm(able, {"exposure_us": "1/50 s", "gain": "2.5", "shot_noise": "yes"})
    assert form.values == {"exposure_us": 20_000, "gain": 2.5, "shot_noise": True}


def test_a_value_out_of_range_is_told_its_range(able: Camera) -> None:
    form = SettingsForm(able, {"exposure_us": "12 ms", "gain": "34"})
    assert (form.valid, form.to_mend) == (False, 1)
    assert form.fields[1].error == "1 to 16 dB on this camera"


@pytest.mark.parametrize("gain", [2.123456789, 34.0])
def test_what_nobody_touched_stays_as_it_is_wished(gain: float, able: Camera) -> None:
    """A form shows fewer digits, and a preset may name more than the camera can."""
    able.settings = {"gain": gain}
    shown = {field.name: field.value for field in SettingsForm(able).fields}
    assert SettingsForm(able, {**shown, "exposure_us": "1 s"}).values == {"gain": gain, "exposure_us": 1_000_000}


def test_what_another_set_meanwhile_is_not_undone_by_a_form_that_stood_open(able: Camera) -> None:
    stood = {f"was-{field.name}": field.value for field in SettingsForm(able).fields}
    able.settings = {"exposure_us": 8_000_000, "gain": 4.0}
    asked = {**stood, "exposure_us": "12 ms", "gain": "", "shot_noise": "yes"}
    assert SettingsForm(able, asked).values == {"exposure_us": 8_000_000, "gain": 4.0, "shot_noise": True}


def test_what_is_left_empty_is_left_to_the_camera(able: Camera) -> None:
    assert SettingsForm(able, {"exposure_us": "", "gain": ""}).values == {}


def test_a_bad_value_changes_nothing(operator: Any, able: Camera) -> None:
    answer = operator.post("/cameras/sky/settings/", {"gain": "much"}, format="multipart")
    assert answer.status_code == 400
    assert "1 to 16 dB on this camera" in answer.content.decode()
    assert Camera.objects.get().settings == {"exposure_us": 12_000}


def test_settings_are_kept_for_a_camera_that_is_away(operator: Any, able: Camera, valkey: Any) -> None:
    answer = operator.post("/cameras/sky/settings/", {"gain": "2"}, format="multipart")
    assert "Kept for when the camera opens." in answer.content.decode()
    assert Camera.objects.get().settings == {"gain": 2.0}


def test_a_session_is_started_as_the_form_says(able: Camera) -> None:
    form = StartForm(able, {"exposure": "2 s", "wait": "30", "from": "start", "count": "5", "name": "Night"})
    assert form.request is not None
    assert (form.request.exposure_us, form.request.cadence_s, form.request.count) == (2_000_000, 30.0, 5)


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("exposure", "long"),
        ("exposure", "2 h"),
        ("wait", "-1"),
        ("count", "0"),
        ("count", "x"),
        ("until", "2001-01-01T00:00"),
        ("until", "9999-12-31T23:59:59-01:00"),
        ("exposure", "1e308 s"),
        ("exposure", "8/1e-320 s"),
        ("name", "Perseids\0"),
    ],
)
def test_a_bad_field_is_named(field: str, text: str, able: Camera) -> None:
    form = StartForm(able, {"exposure": "8 s", "wait": "12", field: text})
    assert form.request is None
    assert form.errors
