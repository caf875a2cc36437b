"""The fields of a resource: answers from rows, and values as people write them."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from types import SimpleNamespace
from typing import Annotated, Any, Literal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as some
from pydantic import Field, ValidationError

from core.resources.fields import Fields, extra_of, field
from core.resources.resource import body_of
from core.resources.sentences import allowed_text, read_text, sentence_of, title_of
from core.resources.table import cell, field_at, value_at
from core.resources.values import (
    Bytes,
    ClockTime,
    Column,
    Duration,
    Id,
    Reference,
    Seconds,
    Text,
    choices_of,
    marker_of,
    plain_type,
)
from core.times.durations import format_duration
from core.times.timestamps import Moment, Stamp

LINE = "This contains a line break or an invisible character."
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
ROW = UUID("01a22304-2a69-71ff-a21f-906a472bc75f")


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class NoteRequest(Fields):
    text: Annotated[Text, Field(min_length=1, max_length=20)] = field(title="Text", help="For others.", example="lens")
    colour: Colour = field(Colour.RED, title="Colour")
    weight: Literal["light", "heavy"] = "light"
    since: Moment | None = field(None, alias="from")
    for_s: Seconds | None = field(None, gt=0, le=7200, example="5 min")
    until: ClockTime = ""
    tags: list[str] = field([])
    count: int = field(0, ge=0, le=9)
    lamp: Annotated[UUID | None, Reference("lamps")] = None
    key: Annotated[Text, Field(json_schema_extra={"secret": True})] = field("", example="k")


class NoteBody(NoteRequest):
    id: Annotated[Id, Column("pk")]
    created: Annotated[Stamp, Column("created_at")]


def row(**values: Any) -> SimpleNamespace:
    default = NoteRequest(text="lens").model_dump()
    return SimpleNamespace(**{**default, "pk": ROW, "created_at": NOON, **values})


class Step(Fields):
    at: Stamp


class Plan(Fields):
    steps: tuple[Step, ...]
    spans: list[tuple[Stamp, Stamp | None]]
    by_name: dict[str, Step | None]


def test_an_answer_has_the_attributes_of_the_row_under_its_own_names() -> None:
    body = body_of(NoteBody, row(since=NOON))
    assert (body["id"], body["created"], body["from"]) == (str(ROW), "2026-11-21T12:00:00.000Z", NOON)


def test_a_row_that_is_older_than_a_limit_is_shown() -> None:
    assert body_of(NoteBody, row(text="x" * 50, count=12))["count"] == 12


class LabelledBody(Fields):
    text: Annotated[str, Column("note.text")]

    def __str__(self) -> str:
        return f"the note {self.text}"


def test_an_answer_may_have_the_attribute_of_another_row() -> None:
    assert body_of(LabelledBody, SimpleNamespace(note=row())) == {"text": "lens"}


class LabelsBody(Fields):
    labels: list[LabelledBody]


def test_a_cell_of_several_rows_has_what_their_model_says_of_each() -> None:
    body = {"labels": [{"text": "lens"}, {"text": "door"}]}
    assert cell(LabelsBody.model_fields["labels"], body["labels"], body, str) == "the note lens, the note door"


class ThreadBody(Fields):
    newest: NoteBody | None
    notes: list[NoteBody]


def test_an_answer_has_the_answers_of_other_rows() -> None:
    body = body_of(ThreadBody, SimpleNamespace(newest=row(), notes=[row(count=1), row(count=2)]))
    assert body["newest"]["id"] == str(ROW)
    assert [note["count"] for note in body["notes"]] == [1, 2]


def test_an_answer_says_that_there_is_no_other_row() -> None:
    assert body_of(ThreadBody, SimpleNamespace(newest=None, notes=[])) == {"newest": None, "notes": []}


def test_a_cell_may_be_a_field_of_another_row() -> None:
    body = body_of(ThreadBody, SimpleNamespace(newest=row(count=3), notes=[]))
    assert (field_at(ThreadBody, "newest.count"), value_at(body, "newest.count")) == (NoteBody.model_fields["count"], 3)
    assert value_at({"newest": None}, "newest.count") is None


def test_a_cell_may_have_a_field_of_each_of_several_rows() -> None:
    body = body_of(ThreadBody, SimpleNamespace(newest=None, notes=[row(count=1), row(count=2)]))
    assert (field_at(ThreadBody, "notes.count"), value_at(body, "notes.count")) == (
        NoteBody.model_fields["count"],
        [1, 2],
    )


class TaggedRequest(Fields):
    tags: list[Annotated[str, Field(max_length=3)]] = field(title="Tags", allowed="tags of at most 3 characters")


def test_a_refused_part_of_a_list_is_answered_with_what_is_allowed_in_it() -> None:
    with pytest.raises(ValidationError) as refused:
        TaggedRequest(tags=["abc", "abcd"])
    assert sentence_of(TaggedRequest, refused.value.errors()[0]) == ("tags", "Write tags of at most 3 characters.")


def test_a_request_refuses_what_it_does_not_know() -> None:
    with pytest.raises(ValidationError, match="Extra inputs"):
        NoteRequest(text="lens", nosuch=1)


def test_only_what_was_given_is_given() -> None:
    assert NoteRequest(text="lens", count=3).given() == {"text": "lens", "count": 3}


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("text", "a text of at most 20 characters, such as lens"),
        ("colour", "red or blue"),
        ("weight", "light or heavy"),
        ("for_s", "a time above 0 s and of at most 2 h, such as 5 min"),
        ("until", "a time such as 22:00"),
        ("count", "a whole number from 0 to 9"),
        ("lamp", "its name"),
    ],
)
def test_what_is_allowed_is_said_in_words(name: str, words: str) -> None:
    assert allowed_text(NoteRequest, name) == words


@pytest.mark.parametrize(
    ("values", "name", "sentence"),
    [
        ({"text": ""}, "text", "Write a text of at most 20 characters, such as lens."),
        ({}, "text", "Write a text of at most 20 characters, such as lens."),
        (
            {"text": "a\nb"},
            "text",
            "This contains a line break or an invisible character. Write one line of plain text.",
        ),
        ({"text": "a", "colour": "green"}, "colour", "Choose red or blue."),
        ({"text": "a", "from": "noon"}, "since", "Write a date and time such as 2026-11-21 22:00."),
        ({"text": "a", "until": "25:00"}, "until", "Write a time such as 22:00."),
    ],
)
def test_a_person_reads_what_to_write_in_which_field(values: dict[str, str], name: str, sentence: str) -> None:
    with pytest.raises(ValidationError) as refused:
        NoteRequest.model_validate(values)
    assert sentence_of(NoteRequest, refused.value.errors()[0]) == (name, sentence)


def test_metadata_is_that_of_the_field_and_of_its_type() -> None:
    fields = NoteRequest.model_fields
    assert marker_of(fields["for_s"], Duration) == Duration()
    assert (extra_of(fields["key"], "secret"), extra_of(fields["key"], "example")) == (True, "k")
    assert (title_of("for_s", fields["for_s"]), title_of("colour", fields["colour"])) == ("For", "Colour")
    assert (plain_type(fields["since"].annotation), plain_type(fields["lamp"].annotation)) == (datetime, UUID)
    assert (choices_of(fields["colour"]), choices_of(fields["count"])) == (["red", "blue"], [])


@given(some.integers(0, 10**9).map(lambda milliseconds: milliseconds / 1000))
def test_a_duration_is_read_as_it_is_written(seconds: float) -> None:
    assert read_text(NoteRequest.model_fields["for_s"], format_duration(seconds)) == pytest.approx(seconds)


def test_a_list_is_separated_by_commas_and_spaces() -> None:
    assert read_text(NoteRequest.model_fields["tags"], "a, b c,d") == ["a", "b", "c", "d"]


def test_a_number_of_bytes_is_read_with_its_unit() -> None:
    class Disk(Fields):
        free: Annotated[int, Bytes()]

    assert cell(Disk.model_fields["free"], 1_500_000, {}, str) == "1.5 MB"


def test_the_parts_of_lists_and_mappings_are_answers_too() -> None:
    noon = datetime(2026, 11, 21, 12, tzinfo=UTC)
    step, text = SimpleNamespace(at=noon), "2026-11-21T12:00:00.000Z"
    row = SimpleNamespace(steps=(step,), spans=[(noon, None)], by_name={"a": step, "b": None})
    assert body_of(Plan, row) == {
        "steps": [{"at": text}], "spans": [[text, None]], "by_name": {"a": {"at": text}, "b": None},
    }  # fmt: skip
