"""Forms that are derived from a request."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Annotated, Any, Literal, Self

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone
from pydantic import Field, model_validator

from core.resources.fields import Fields, field, together
from core.resources.forms import KindForm, ModelForm
from core.resources.values import Seconds, Text
from core.text.names import Note
from core.times.timestamps import Moment


class LampRequest(Fields):
    name: Annotated[Text, Field(min_length=1, max_length=9)] = field(title="Name", help="Its name.", example="desk")
    kind: str = "bulb"
    settings: dict[str, Any] = field({})
    on: bool = field(True, title="On")
    since: Moment | None = field(None, alias="from")
    for_s: Seconds = field(60.0, title="For", ge=0, le=3600)
    tone: Literal["warm", "cold"] = "warm"
    tags: list[str] = field([])
    watts: float | None = field(None, ge=0)
    story: Annotated[Note, Field(max_length=3000)] = ""


class BulbSettings(Fields):
    host: str = field(title="Host")
    password: str = field("", secret=True)
    program: str = field("", file_only=True)


class HoursRequest(Fields):
    begin: str = field("", title="From")
    end: str = field("", title="To")

    @model_validator(mode="after")
    def has_both(self) -> Self:
        if bool(self.begin) != bool(self.end):
            raise together("begin", "Give both.")
        return self


NAMES = ("name", "on", "since", "for_s", "tone", "tags", "watts", "story")
GOOD = {"name": "desk", "from": "2026-11-21 22:00", "for_s": "5 min", "tone": "cold", "tags": "a b", "watts": "4.5"}


def lamp_form(data: Any = None, row: Any = None) -> ModelForm:
    return ModelForm(LampRequest, data, row=row, names=NAMES)


def kind_form(data: Any = None, shown: Any = None) -> KindForm:
    return KindForm(LampRequest, BulbSettings, data, shown=shown, fixed={"kind": "bulb"}, names=["name"])


def test_what_a_person_writes_becomes_the_request() -> None:
    form = lamp_form(GOOD)
    assert form.is_valid(), form.errors
    assert form.wanted.model_dump(exclude={"kind", "settings"}) == {
        "name": "desk", "on": False, "since": datetime(2026, 11, 21, 22, tzinfo=UTC), "for_s": 300.0, "tone": "cold",
        "tags": ["a", "b"], "watts": 4.5, "story": "",
    }  # fmt: skip


def test_what_is_left_empty_has_its_default() -> None:
    form = lamp_form({"name": "desk", "for_s": "", "watts": "", "tags": "", "tone": "warm"})
    assert form.is_valid(), form.errors
    assert (form.wanted.for_s, form.wanted.watts, form.wanted.tags) == (60.0, None, [])


def test_a_text_of_several_lines_may_be_long_and_has_the_line_breaks_of_programs() -> None:
    form = lamp_form({**GOOD, "story": "bright\r\n" + "x" * 2500})
    assert form.is_valid(), form.errors
    assert form.wanted.story == "bright\n" + "x" * 2500
    assert "<textarea" in str(form["story"])


def test_the_errors_of_all_fields_are_said_at_once() -> None:
    form = lamp_form({**GOOD, "name": "", "for_s": "soon", "watts": "-1"})
    assert {*form.errors} == {"name", "for_s", "watts"}


@pytest.mark.parametrize(
    ("change", "name", "sentence"),
    [
        ({"name": ""}, "name", "Write a text of at most 9 characters, such as desk."),
        ({"name": "x" * 10}, "name", "Write a text of at most 9 characters, such as desk."),
        ({"for_s": "2 h"}, "for_s", "Write a time of at most 1 h."),
        ({"for_s": "soon"}, "for_s", "'soon' is not a duration"),
        ({"from": "soon"}, "from", "'soon' is not a date and time"),
        ({"watts": "many"}, "watts", "Write a number at least 0."),
        ({"tone": "blue"}, "tone", "blue is not one of the available choices"),
    ],
)
def test_an_error_is_at_its_field_and_says_what_to_write(change: dict[str, str], name: str, sentence: str) -> None:
    form = lamp_form({**GOOD, **change})
    assert not form.is_valid()
    assert sentence in " ".join(form.errors[name])


def test_all_errors_are_said_at_once_and_each_once() -> None:
    form = lamp_form({**GOOD, "name": "", "for_s": "soon", "watts": "many"})
    assert {name: len(said) for name, said in form.errors.items()} == {"name": 1, "for_s": 1, "watts": 1}


def test_the_error_of_a_rule_about_several_fields_is_at_one_of_them() -> None:
    assert ModelForm(HoursRequest, {"begin": "22:00"}).errors == {"begin": ["Give both."]}


def test_a_form_shows_a_row_as_a_person_would_write_it() -> None:
    noon = datetime(2026, 11, 21, 12, tzinfo=UTC)
    row = SimpleNamespace(
        name="desk", on=False, since=noon, for_s=90.0, tone="cold", tags=["a", "b"], watts=4.5, story="It\nfell."
    )  # fmt: skip
    with timezone.override(UTC):
        form = lamp_form(row=row)
    shown = {name: one.initial for name, one in form.fields.items()}
    assert shown == {
        "name": "desk", "on": False, "from": "2026-11-21 12:00:00", "for_s": "90 s", "tone": "cold", "tags": "a b",
        "watts": "4.5", "story": "It\nfell.",
    }  # fmt: skip


def test_the_settings_of_a_kind_are_fields_of_the_form() -> None:
    form = kind_form({"name": "desk", "host": "lamp.example.org", "password": "secret"})
    assert form.is_valid(), form.errors
    assert form.wanted.settings == {"host": "lamp.example.org", "password": "secret"}


def test_a_stored_secret_is_never_shown_and_kept_if_it_is_left_empty() -> None:
    form = kind_form({"name": "desk", "host": "lamp.example.org", "password": ""}, {"host": "old", "password": "x"})
    assert (form.fields["host"].initial, form.fields["password"].initial) == ("old", "")
    assert form.is_valid(), form.errors
    assert form.wanted.settings == {"host": "lamp.example.org"}


def test_what_the_file_alone_may_set_is_shown_and_no_field() -> None:
    form = kind_form(shown={"host": "lamp", "program": "/bin/lamp"})
    assert ("program" in form.fields, form.file_only) == (False, {"program": "/bin/lamp"})


def test_errors_of_settings_go_to_their_fields() -> None:
    form = kind_form({"name": "desk", "host": "x"})
    form.is_valid()
    form.add_errors(ValidationError({"settings": ["host: must be a name.", "The address is refused."]}))
    assert (form.errors["host"], form.non_field_errors()) == (["must be a name."], ["The address is refused."])


def test_an_error_that_begins_with_the_name_of_a_setting_goes_to_its_field() -> None:
    form = kind_form({"name": "desk", "host": "x"})
    form.is_valid()
    form.add_errors(ValidationError({"settings": ["host is not a name.", "hosts are missing."]}))
    assert (form.errors["host"], form.non_field_errors()) == (["host is not a name."], ["hosts are missing."])


def test_a_change_leaves_no_setting_out_that_is_needed_and_was_emptied() -> None:
    form = kind_form({"name": "desk", "host": "", "password": ""}, {"host": "old", "password": "x"})
    assert form.is_valid(), form.errors
    assert form.wanted.settings == {"host": None}


class NamedSettings(Fields):
    name: str


class PrefixedForm(KindForm):
    prefix_of_settings = "set_"


def test_a_setting_may_be_called_as_a_field_of_the_request() -> None:
    given = {"name": "desk", "set_name": "lamp"}
    form = PrefixedForm(LampRequest, NamedSettings, given, fixed={"kind": "bulb"}, names=["name"])
    assert form.is_valid(), form.errors
    assert (form.wanted.name, form.wanted.settings) == ("desk", {"name": "lamp"})
    form.add_errors(ValidationError({"settings": ["name: is taken."]}))
    assert form.errors == {"set_name": ["is taken."]}
