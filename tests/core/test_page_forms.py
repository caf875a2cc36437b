"""The base of the forms on pages."""

from __future__ import annotations

from django import forms
from django.core.exceptions import ValidationError

from core.pages import PageForm, UnitInput


class LampForm(PageForm):
    ids, focus = "lamp-%s", "watts"
    name = forms.CharField(show_hidden_initial=True, help_text="on all pages", max_length=9)
    watts = forms.IntegerField(widget=UnitInput("W"), required=False)


def test_a_hint_describes_its_field() -> None:
    field = LampForm()["name"].as_field_group()
    assert 'aria-describedby="lamp-name-hint"' in field
    assert '<p class="hint" id="lamp-name-hint">on all pages</p>' in field


def test_an_error_takes_the_place_of_the_hint_and_shows_code() -> None:
    form = LampForm({"name": ""})
    form.add_error("name", "Write `<b>`.")
    assert "on all pages" not in form["name"].as_field_group()
    assert "<code>&lt;b&gt;</code>" in form["name"].as_field_group()


def test_a_field_without_a_hint_is_described_by_nothing() -> None:
    assert "aria-describedby" not in LampForm()["watts"].as_field_group()


def test_a_unit_stands_in_its_field() -> None:
    assert '<span class="unit">W</span>' in LampForm()["watts"].as_field_group()


def test_the_first_field_with_an_error_has_the_focus() -> None:
    assert "autofocus" in str(LampForm()["watts"])
    assert "autofocus" in str(LampForm({"name": ""})["name"])
    assert "autofocus" not in str(LampForm({"name": ""})["watts"])


def test_a_refused_form_keeps_the_value_that_the_page_showed() -> None:
    field = str(LampForm({"name": "x" * 10, "was-name": "Desk"}, initial={"name": "Roof"})["name"])
    assert '<input type="hidden" name="was-name" value="Desk">' in field


def test_errors_of_a_service_stand_at_their_fields_and_others_at_the_form() -> None:
    form = LampForm({"name": "Desk"})
    form.add_errors(ValidationError({"name": "Taken.", "kind": "No such kind."}))
    form.add_errors(ValidationError("Too many lamps."))
    assert form.errors["name"] == ["Taken."]
    assert form.non_field_errors() == ["No such kind.", "Too many lamps."]


def test_other_forms_stay_as_django_makes_them() -> None:
    class PlainForm(forms.Form):
        name = forms.CharField(help_text="on all pages")

    assert 'aria-describedby="id_name_helptext"' in str(PlainForm()["name"])
