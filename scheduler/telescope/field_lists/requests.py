"""What requests say about field lists, validated before a row is written."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import AfterValidator, ConfigDict, Field

from core.resources.fields import Fields, field
from core.text.names import Line
from scheduler.telescope.night.field_file import MAX_CHARACTERS
from scheduler.telescope.night.night_programme import Rule


def check_name(name: str) -> str:
    if not name.strip():
        raise ValueError("must not be empty.")
    return name.strip()


Name = Annotated[Line, Field(min_length=1, max_length=60), AfterValidator(check_name)]
# The parser says where a text is wrong; this bound is for what it refuses to read.
FileText = Annotated[str, Field(max_length=MAX_CHARACTERS + 1)]
Evening = Annotated[date | None, Field(strict=False, description="The date of the evening; that of the present night.")]


class Request(Fields):
    # What is not known was always ignored here.
    model_config = ConfigDict(extra="ignore")


class FieldListRequest(Request):
    name: Name = field(title="Name", help="Name of the list, unique without regard to case.")
    text: FileText = field("", title="Fields", help="The text of a field file.")


class FieldListChange(Request):
    """What is missing stays as it is."""

    name: Name | None = field(None, title="Name", help="Name of the list, unique without regard to case.")
    text: FileText | None = field(None, title="Fields", help="The text of a field file.")
    added_text: FileText | None = field(
        None, title="Added", help="What was added for a night. An empty text takes it back."
    )
    archived: bool | None = field(None, title="Archived", help="Whether it is archived.")
    revision: Annotated[int, Field(ge=1)] | None = field(
        None, title="Revision", help="That of the list that was changed; another one by now is refused."
    )


class FieldText(Request):
    text: FileText


class NightOptions(Request):
    """How the nights of a list are observed."""

    camera: Annotated[str, Field(max_length=40)]
    rule: Rule = field("priority", help="`sequential`: in the order of the list.")
    clears: bool = field(True, help="Clear the CCDs after a pause.")
    add_file: Annotated[Line, Field(max_length=500)] = field(
        "", help="The full path of an `.add` file on the camera's host, in a folder of the setting `sources`. Its "
        "fields are added while the night runs.",
    )  # fmt: skip


class ObserveRequest(NightOptions):
    evening: Evening = None
    start_over: bool = field(
        False, help="Observe again what was observed in this night. Otherwise the night is continued."
    )
    name: Annotated[Line, Field(max_length=120)] = ""
