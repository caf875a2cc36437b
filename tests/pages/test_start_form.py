"""The form that starts a session: its input, its messages, and the form as a separate page."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from cameras import leases
from cameras.drivers.options import Option
from cameras.models import Camera
from captures.models import Session
from captures.pages.camera.pages import StartForm
from skycam_project.access.models import User
from tests.harness.clients.pages import text_of

SCRIPT = {"HX-Request": "true"}
START = "/cameras/sky/start/"
CAN = {
    "exposure_us": {"unit": "µs", "minimum": 20, "maximum": 600_000_000, "step": 1},
    "gain": {"unit": "dB", "minimum": 1, "maximum": 16},
    "iso": {"choices": [100, 800]},
    "format": {"choices": ["RAW + Large Fine JPEG", "RAW"]},
}
GOOD = {"exposure": "8 s", "wait": "12", "from": "end"}


@pytest.fixture
def able(camera: Camera) -> Camera:
    camera.capabilities = {"settings": CAN}
    camera.save()
    return camera


@pytest.fixture
def anna(able: Camera) -> Client:
    client = Client()
    client.force_login(User.objects.create_user("anna", role="operator"))
    return client


def test_a_session_is_started_as_the_form_says(able: Camera) -> None:
    form = StartForm(able, {"exposure": "2 s", "wait": "2 min", "from": "start", "count": "5", "name": "Night"})
    assert form.request is not None
    assert form.request.exposure_us == 2_000_000
    assert form.request.cadence_s == 120.0
    assert form.request.count == 5


def test_a_session_is_started_with_gain_iso_and_format(able: Camera) -> None:
    form = StartForm(able, {**GOOD, "gain": "2,5", "iso": "800", "format": "RAW + Large Fine JPEG"})
    assert form.request is not None
    assert form.request.programme(able) | {"delay_s": 12.0} == {
        "exposure_us": 8_000_000, "delay_s": 12.0, "gain": 2.5, "iso": 800, "format": "RAW + Large Fine JPEG",
    }  # fmt: skip


def test_a_camera_without_reported_settings_gets_all_fields(camera: Camera) -> None:
    assert StartForm(camera).lacking == []


def test_settings_that_a_camera_lacks_are_named_and_have_no_field(able: Camera, anna: Client) -> None:
    page = text_of(anna.get(START))
    assert "This camera does not offer: Aperture." in page
    assert 'name="f_number"' not in page


def test_the_form_starts_with_the_nearest_values_of_the_camera(able: Camera, anna: Client) -> None:
    able.capabilities = {
        "settings": {"exposure_us": {"minimum": 100, "maximum": 2_000_000}, "f_number": {"minimum": 2.8, "maximum": 22}}
    }
    able.save()
    assert StartForm(able).data == {"exposure": "2 s", "wait": "12 s", "from": "end", "f_number": "2.8"}
    assert "2 s with pauses of 12 s" in text_of(anna.get(START))


def test_an_exposure_without_a_unit_is_refused_with_both_meanings(anna: Client) -> None:
    page = text_of(anna.post(START, {**GOOD, "exposure": "2"}, headers=SCRIPT))
    assert "2 has no unit. Write 2 s or 2 ms." in page
    assert 'data-fill="start-exposure" data-value="2 s"' in page
    assert 'data-fill="start-exposure" data-value="2 ms"' in page
    assert not Session.objects.exists()


def test_a_fraction_is_a_fraction_of_a_second(able: Camera) -> None:
    form = StartForm(able, {**GOOD, "exposure": "1/2"})
    assert form.request is not None
    assert form.request.exposure_us == 500_000


def test_all_errors_are_shown_at_once_at_their_fields(able: Camera) -> None:
    data = {"exposure": "2", "wait": "-1", "count": "0", "until": "2001-01-01 00:00", "gain": "34", "name": "A\0"}
    errors = StartForm(able, data).errors
    assert errors["exposure"] == "2 has no unit. Write 2 s or 2 ms."
    assert "is not a duration" in errors["wait"]
    assert errors["count"].startswith("Write a whole number from 1 to 10 000 000")
    assert "is over already. Write a later time." in errors["until"]
    assert errors["gain"] == "1 to 16 dB on this camera."
    assert errors["name"] == "Write at most 120 characters."


def test_errors_of_ranges_and_combinations_are_shown_together(able: Camera) -> None:
    errors = StartForm(able, {"exposure": "8 s", "wait": "2 s", "from": "start", "count": "10000001"}).errors
    assert errors["wait"] == "2 s from start to start is shorter than the exposure of 8 s. Write a longer one."
    assert "count" in errors


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("exposure", "long"),
        ("exposure", "2 h"),
        ("exposure", "1e308 s"),
        ("exposure", "8/1e-320 s"),
        ("exposure", "601 s"),
        ("wait", "25 h"),
        ("count", "x"),
        ("count", "1.5"),
        ("until", "9999-12-31T23:59:59-01:00"),
        ("until", "9000-01-01"),
        ("until", "soon"),
        ("gain", "nan"),
        ("format", "<b>"),
        ("name", "x" * 121),
    ],
)
def test_an_error_names_the_field_by_its_label(field: str, text: str, able: Camera) -> None:
    form = StartForm(able, {**GOOD, field: text})
    assert form.request is None
    assert list(form.errors) == [field]
    assert "Input should" not in form.errors[field]
    assert "String should" not in form.errors[field]


def test_an_interval_from_start_to_start_is_not_zero(able: Camera) -> None:
    errors = StartForm(able, {**GOOD, "wait": "0", "from": "start"}).errors
    assert errors["wait"].startswith("Write more than 0 s")


def test_an_end_is_a_duration_from_now_or_a_time_of_day(able: Camera) -> None:
    before = timezone.now()
    form = StartForm(able, {**GOOD, "until": "2 h"})
    assert form.request is not None
    assert form.request.until is not None
    begun = form.request.until - timedelta(hours=2)
    assert before - timedelta(seconds=1) < begun <= timezone.now()


def test_the_suns_times_need_the_place_of_the_station(able: Camera, settings: Any) -> None:
    assert "Set the site on the page Settings" in StartForm(able, {**GOOD, "until": "dawn"}).errors["until"]
    settings.STATION = settings.STATION.model_copy(
        update={"site": settings.STATION.site.model_copy(update={"latitude": 52.5, "longitude": 13.4})}
    )
    form = StartForm(able, {**GOOD, "until": "dawn"})
    assert form.until is not None
    assert form.until.words == "civil dawn, the Sun 6° below the horizon"
    assert "dawn" in form.suggested_ends


def test_the_first_wrong_field_is_focused_and_all_are_marked(anna: Client) -> None:
    page = text_of(anna.post(START, {**GOOD, "wait": "x", "count": "0"}, headers=SCRIPT))
    assert page.count('aria-invalid="true"') == 2
    assert page.count("autofocus") == 1
    assert "2 to correct. Nothing was started." in page


def test_the_forecast_is_shown_before_the_session_starts(anna: Client) -> None:
    page = text_of(anna.post(f"{START}forecast/", {**GOOD, "until": "1 h"}, headers=SCRIPT))
    assert "8 s with pauses of 12 s" in page
    assert "Ends 20" in page


def test_errors_are_shown_in_place_of_the_forecast(anna: Client) -> None:
    assert "Exposure: 2 has no unit." in text_of(anna.post(f"{START}forecast/", {**GOOD, "exposure": "2"}))


def test_without_scripts_the_forecast_is_confirmed_before_anything_starts(anna: Client) -> None:
    page = text_of(anna.post(START, {**GOOD, "name": "Leo & Co"}))
    assert "8 s with pauses of 12 s" in page
    assert '<input type="hidden" name="confirmed" value="yes">' in page
    assert '<input type="hidden" name="name" value="Leo &amp; Co">' in page
    assert not Session.objects.exists()
    answer = text_of(anna.post(START, {**GOOD, "confirmed": "yes"}))
    assert "does not answer" in answer, "no host is there: the command was sent"


def test_the_form_of_a_camera_held_by_another_names_the_holder(anna: Client, able: Camera) -> None:
    leases.acquire_lease(able, "bob")
    page = text_of(anna.get(START, headers=SCRIPT))
    assert "Held by bob since" in page
    assert "disabled title=" in page


def test_a_bracket_of_times_or_of_steps_is_read(able: Camera) -> None:
    times = StartForm(able, {**GOOD, "kind": "bracket", "bracket": "1 ms, 1/10 s"})
    steps = StartForm(able, {**GOOD, "kind": "bracket", "bracket": "-2, 0, +1.5 EV"})
    assert times.request is not None
    assert times.request.exposures_us == [1000, 100_000]
    assert steps.request is not None
    assert steps.request.ev_steps == [-2.0, 0.0, 1.5]


def test_a_burst_is_read_and_the_fields_of_other_kinds_are_ignored(able: Camera) -> None:
    form = StartForm(able, {**GOOD, "kind": "burst", "burst": "20", "bracket": "1 ms, 2 ms"})
    assert form.request is not None
    assert form.request.burst == 20
    assert form.request.exposures_us is None


def test_a_begin_and_an_end_are_a_window(able: Camera) -> None:
    form = StartForm(able, {**GOOD, "begin": "2 h", "until": "3 h"})
    assert form.request is not None
    assert form.request.until is None
    [(begin, end)] = form.request.windows or []
    assert round((end - begin).total_seconds()) == 3600


@pytest.mark.parametrize(
    ("data", "field", "sentence"),
    [
        ({"kind": "bracket"}, "bracket", "Write 2 to 50 exposures"),
        ({"kind": "bracket", "bracket": "1 ms"}, "bracket", "Write 2 to 50 exposures"),
        ({"kind": "bracket", "bracket": "nan, 1 EV"}, "bracket", "Write 2 to 50 exposures"),
        ({"kind": "burst", "burst": "1"}, "burst", "Write a whole number from 2 to 1000."),
        ({"kind": "endless"}, "kind", "Choose one of the kinds."),
        ({"begin": "2 h"}, "until", "Write when the session ends as well"),
        ({"begin": "3 h", "until": "2 h"}, "begin", "is after the end"),
    ],
)
def test_a_wrong_kind_or_begin_is_explained_at_its_field(
    able: Camera, data: dict[str, str], field: str, sentence: str
) -> None:
    form = StartForm(able, {**GOOD, **data})
    assert form.request is None
    assert sentence in form.errors[field]
    assert form.shows_more or field == "until"


def test_the_rare_fields_are_closed_until_one_has_a_value(able: Camera) -> None:
    assert not StartForm(able).shows_more
    assert StartForm(able, {**GOOD, "kind": "burst"}).shows_more


@pytest.fixture
def optional(able: Camera) -> Camera:
    """A camera with an option of each type."""
    options = {
        "shutter": Option("boolean", "Shutter", "Closed: a dark frame.", default=True),
        "mode": Option("choices", "Mode", choices=["single", "first"]),
        "header": Option("words", "Header words"),
    }
    able.capabilities["options"] = {name: asdict(option) for name, option in options.items()}
    able.save()
    return able


def test_the_form_has_the_simple_options_of_the_camera(optional: Camera, anna: Client) -> None:
    page = text_of(anna.get(START))
    assert 'name="option.shutter"' in page
    assert "yes (default)" in page
    assert "Closed: a dark frame." in page
    assert 'name="option.mode"' in page
    assert "Header words" not in page


def test_a_camera_without_options_has_no_fields_for_them(able: Camera, anna: Client) -> None:
    assert "option." not in text_of(anna.get(START))


def test_a_session_is_started_with_the_options_that_were_chosen(optional: Camera) -> None:
    form = StartForm(optional, {**GOOD, "option.shutter": "false", "option.mode": ""})
    assert form.request is not None
    assert form.request.options == {"shutter": False}
    assert form.given["option.shutter"] == "false"


def test_without_a_choice_the_session_has_no_options(optional: Camera) -> None:
    form = StartForm(optional, GOOD)
    assert form.request is not None
    assert form.request.options is None


def test_an_option_that_the_form_does_not_offer_is_an_error_at_its_field(optional: Camera, anna: Client) -> None:
    page = text_of(anna.post(START, {**GOOD, "option.mode": "double"}, headers=SCRIPT))
    assert "Choose single or first." in page
    assert Session.objects.count() == 0
