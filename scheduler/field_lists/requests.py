"""What requests say about field lists, validated before a row is written."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import AfterValidator, Field

from core.api.model import StrictModel
from core.text.names import Line
from scheduler.telescope.field_file import MAX_CHARACTERS
from scheduler.telescope.night_programme import Rule


def check_name(name: str) -> str:
    if not name.strip():
        raise ValueError("must not be empty.")
    return name.strip()


Name = Annotated[Line, Field(min_length=1, max_length=60), AfterValidator(check_name)]
# The parser says where a text is wrong; this bound is for what it refuses to read.
FileText = Annotated[str, Field(max_length=MAX_CHARACTERS + 1)]
Evening = Annotated[date | None, Field(strict=False, description="The date of the evening; that of the present night.")]


class FieldListRequest(StrictModel):
    name: Name
    text: FileText = ""


class FieldListChange(StrictModel):
    """What is missing stays as it is."""

    name: Name | None = None
    text: FileText | None = None
    added_text: Annotated[
        FileText | None, Field(description="What was added for a night. An empty text takes it back.")
    ] = None
    archived: bool | None = None
    revision: Annotated[
        int | None, Field(ge=1, description="That of the list that was changed; another one by now is refused.")
    ] = None


class FieldText(StrictModel):
    text: FileText


class NightOptions(StrictModel):
    """How the nights of a list are observed."""

    camera: Annotated[str, Field(max_length=40)]
    rule: Annotated[Rule, Field(description="`sequential`: in the order of the list.")] = "priority"
    clears: Annotated[bool, Field(description="Clear the CCDs after a pause.")] = True
    add_file: Annotated[
        Line,
        Field(
            max_length=500,
            description="The full path of an `.add` file on the camera's host, in a folder of the setting `sources`. "
            "Its fields are added while the night runs.",
        ),
    ] = ""


class ObserveRequest(NightOptions):
    evening: Evening = None
    start_over: Annotated[
        bool,
        Field(description="Observe again what was observed in this night. Otherwise the night is continued."),
    ] = False
    name: Annotated[Line, Field(max_length=120)] = ""
