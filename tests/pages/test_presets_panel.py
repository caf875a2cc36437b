"""Presets, and changes on the camera's body, on the settings panel."""

from __future__ import annotations

import re
from typing import Any

import pytest

from cameras.models import Camera, SettingsPreset
from cameras.settings.settings_form import SettingsForm
from tests.harness.clients.pages import MARKUP, text_of
from tests.harness.far_ends.camera_host import camera_host, configured

PAGE = "/cameras/sky/"
PART = {"HX-Request": "true"}


@pytest.fixture
def night(able: Camera) -> SettingsPreset:
    return SettingsPreset.objects.create(kind="simulated", name="Night", settings={"exposure_us": 8_000_000, "gain": 2})


@pytest.fixture
def turned(able: Camera) -> Camera:
    able.differs = [{"name": "exposure_us", "wished": 12_000, "has": 33_000}]
    able.save()
    return able


def posted(client: Any, address: str, **fields: str) -> Any:
    return client.post(f"{PAGE}{address}", fields, format="multipart", headers=PART)


def words(answer: Any) -> str:
    """The text of a page, without markup."""
    return " ".join(re.sub(r"<[^>]+>", " ", text_of(answer)).split())


def test_a_preset_is_saved_from_the_desired_settings(operator: Any, able: Camera) -> None:
    assert "Saved as Dusk." in words(posted(operator, "presets/", name="Dusk"))
    assert SettingsPreset.objects.get().settings == {"exposure_us": 12_000}


@pytest.mark.parametrize("name", ["", MARKUP, "Night"])
def test_an_invalid_name_is_an_error_on_the_panel(operator: Any, night: SettingsPreset, name: str) -> None:
    answer = posted(operator, "presets/", name=name)
    assert answer.status_code == 400
    assert SettingsPreset.objects.count() == 1
    assert 'class="message bad"' in text_of(answer)
    assert MARKUP not in text_of(answer)


def test_a_comparison_marks_what_differs_with_a_glyph_and_a_word(viewer: Any, night: SettingsPreset) -> None:
    shown = text_of(viewer.get(f"{PAGE}presets/Night/", headers=PART))
    assert "Exposure 8 s 12 ms 11.996 ms differs" in words(viewer.get(f"{PAGE}presets/Night/", headers=PART))
    assert "Gain 2 dB unchanged 4 dB differs" in words(viewer.get(f"{PAGE}presets/Night/"))
    assert shown.count("#warn") == shown.count("differs</span>") == 2


def test_equal_settings_are_marked_as_the_same(viewer: Any, night: SettingsPreset) -> None:
    Camera.objects.update(settings=night.settings, read_back=night.settings)
    assert words(viewer.get(f"{PAGE}presets/Night/", headers=PART)).count("same") == 2


def test_a_preset_is_applied_and_the_panel_shows_the_values_in_use(
    operator: Any, night: SettingsPreset, valkey: Any
) -> None:
    with camera_host(valkey, configured(actual={"exposure_us": 7_999_000}, warnings=["Its nearest is 7.999 s."])):
        shown = words(posted(operator, "presets/Night/", do="apply"))
    assert "Its nearest is 7.999 s." in shown
    assert "Camera took 7.999 s" in shown
    assert Camera.objects.get().settings == night.settings


def test_a_preset_is_applied_without_a_script_too(operator: Any, night: SettingsPreset, valkey: Any) -> None:
    with camera_host(valkey, configured()):
        answer = operator.post(f"{PAGE}presets/Night/", {"do": "apply"}, format="multipart")
    assert answer.status_code == 302
    assert answer["Location"] == PAGE
    assert "Night was applied." in words(operator.get(PAGE))


def test_a_preset_is_deleted_after_a_question(operator: Any, night: SettingsPreset) -> None:
    assert 'data-confirm="Delete the preset Night?"' in text_of(operator.get(PAGE))
    assert operator.post(f"{PAGE}presets/Night/", {"do": "delete"}, format="multipart").status_code == 302
    assert SettingsPreset.objects.count() == 0
    assert Camera.objects.get().settings == {"exposure_us": 12_000}
    assert posted(operator, "presets/Night/", do="delete").status_code == 404


def test_a_viewer_can_only_compare(viewer: Any, night: SettingsPreset, turned: Camera) -> None:
    shown = text_of(viewer.get(PAGE))
    assert 'href="/cameras/sky/presets/Night/"' in shown
    assert [word for word in ("Save as", "Apply", "Delete", "Adopt camera values") if word in shown] == []


def test_a_change_made_on_the_camera_is_shown_and_updates_with_the_page(
    viewer: Any, turned: Camera, valkey: Any
) -> None:
    message = "Changed on the camera itself Exposure 33 ms, not 12 ms as desired"
    assert message in words(viewer.get(PAGE))
    assert message in words(viewer.get(f"{PAGE}now/", headers=PART))


@pytest.mark.parametrize(("do", "desired"), [("adopt", 33_000), ("mine", 12_000)])
def test_a_change_made_on_the_camera_is_kept_or_reverted(
    operator: Any, turned: Camera, valkey: Any, do: str, desired: int
) -> None:
    with camera_host(valkey, configured(actual={"exposure_us": desired})) as commands:
        shown = words(posted(operator, "settings/body/", do=do))
    assert commands[0]["arguments"]["settings"] == {"exposure_us": desired} == Camera.objects.get().settings
    assert "Changed on the camera itself" not in shown


def test_the_panel_says_that_the_camera_is_disconnected(operator: Any, turned: Camera, valkey: Any) -> None:
    assert "Stored until the camera connects." in words(posted(operator, "settings/body/", do="adopt"))


@pytest.fixture
def choosy(able: Camera) -> Camera:
    """A DSLR: it offers choices, and accepts exposures longer than the longest."""
    choices = {"unit": "µs", "choices": [1_000_000, 30_000_000]}
    able.capabilities = {"settings": {"exposure_us": choices, "iso": {"choices": [100, 200]}}}
    able.settings = {"exposure_us": 1_000_000, "iso": 150}
    able.save()
    return able


def test_an_exposure_longer_than_any_choice_can_be_typed(choosy: Camera) -> None:
    assert SettingsForm(choosy, {"exposure_us": "90 s", "iso": "200"}).values == {"exposure_us": 90_000_000, "iso": 200}


def test_choices_are_shown_as_people_write_them(operator: Any, choosy: Camera) -> None:
    shown = text_of(operator.get(PAGE))
    assert '<datalist id="set-exposure_us-choices"><option value="1 s"></option><option value="30 s">' in shown


def test_a_desired_value_outside_the_choices_is_kept_with_the_next_change(choosy: Camera) -> None:
    form = SettingsForm(choosy)
    assert form.fields[1].choices[0] == ("150", "150, nearest")
    assert SettingsForm(choosy, {field.name: field.value for field in form.fields}).values == choosy.settings


def test_a_value_outside_the_choices_is_refused(choosy: Camera) -> None:
    assert SettingsForm(choosy, {"iso": "123"}).fields[1].error == "This camera does not offer it."
