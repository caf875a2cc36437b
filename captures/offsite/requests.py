"""The bodies of requests about destinations, validated before a row is written."""

from __future__ import annotations

from datetime import time
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import AfterValidator, ConfigDict, Field, StrictBool, field_validator, model_validator

from captures.offsite.destinations.settings import FINGERPRINT
from captures.offsite.models import CopyState, DestinationKind
from captures.stored_files.tables import FileClass
from core.api.model import StrictModel
from core.api.queries import PageQuery, Query
from core.text.names import Line

COPIED = (FileClass.ROLLING_CLIP, FileClass.MANUAL_CLIP, FileClass.CAPTURE, FileClass.ARCHIVE)
"""The classes whose files have rows."""
Slug = Annotated[str, Field(max_length=40, pattern=r"^[a-z0-9-]+$")]


def _class(value: str) -> str:
    if value not in COPIED:
        raise ValueError(f"There is no such class of files. There are {', '.join(COPIED)}.")
    return value


def _fingerprint(value: str) -> str:
    if value and not FINGERPRINT.fullmatch(value):
        raise ValueError("Write it as `ssh-keygen -l` prints it: SHA256: and 43 characters. Empty: pin it again.")
    return value


def _clock(value: str) -> str:
    if value:
        time.fromisoformat(value)
    return value


Clock = Annotated[str, Field(pattern=r"^([0-2][0-9]:[0-5][0-9])?$"), AfterValidator(_clock)]


class DestinationFields(StrictModel):
    """What may be given of a destination. None: not given."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[Annotated[Line, Field(min_length=1, max_length=100)] | None, Field(description="Unique.")] = None
    settings: Annotated[dict[str, Any] | None, Field(description="Of its kind; all of them.")] = None
    secret: Annotated[dict[str, Any] | None, Field(description="Of its kind. It is never shown.")] = None
    host_key: Annotated[
        Annotated[str, Field(max_length=100), AfterValidator(_fingerprint)] | None,
        Field(description="The fingerprint of the server's key; empty: the next test pins it."),
    ] = None
    classes: Annotated[
        Annotated[list[Annotated[str, AfterValidator(_class)]], Field(min_length=1, max_length=10)] | None,
        Field(description="Which storage classes are copied."),
    ] = None
    cameras: Annotated[
        Annotated[list[Slug], Field(max_length=1000)] | None, Field(description="Empty: files of all cameras.")
    ] = None
    enabled: StrictBool | None = None
    keep_local: Annotated[
        StrictBool | None, Field(description="No file of its classes is deleted before its copy is verified.")
    ] = None
    bytes_per_s: Annotated[
        Annotated[int, Field(ge=0, le=10**12)] | None, Field(description="Of each host; 0: no limit.")
    ] = None
    begin: Annotated[Clock | None, Field(description="By the site's clock, such as 22:00; empty: at all hours.")] = None
    end: Clock | None = None

    @field_validator("cameras", "classes")
    @classmethod
    def _once(cls, values: list[str] | None) -> list[str] | None:
        if values is not None and len(set(values)) < len(values):
            raise ValueError("Name each of them once.")
        return values

    @model_validator(mode="after")
    def _both_hours(self) -> Self:
        if (self.begin is None) != (self.end is None) or bool(self.begin) != bool(self.end):
            raise ValueError("begin and end belong together: give both or neither.")
        return self

    def columns(self) -> dict[str, Any]:
        """The given columns that need no look at other rows."""
        names = ("name", "host_key", "classes", "enabled", "keep_local")
        found = {name: value for name in names if (value := getattr(self, name)) is not None}
        if self.bytes_per_s is not None:
            found["bytes_per_s"] = self.bytes_per_s or None
        if self.begin is not None and self.end is not None:
            found["begin"] = time.fromisoformat(self.begin) if self.begin else None
            found["end"] = time.fromisoformat(self.end) if self.end else None
        return found


class DestinationChange(DestinationFields):
    copies_moved: Annotated[
        bool, Field(strict=True, description="The copies were moved to the place of the new settings, too.")
    ] = False


class DestinationRequest(DestinationFields):
    name: Annotated[Line, Field(min_length=1, max_length=100)]
    kind: DestinationKind
    settings: dict[str, Any]
    classes: Annotated[list[Annotated[str, AfterValidator(_class)]], Field(min_length=1, max_length=10)]


class DeleteQuery(Query):
    force: Annotated[
        bool, Field(description="Also while files wait that must not be deleted here before they are copied.")
    ] = False


class CopyQuery(PageQuery):
    destination: UUID | None = None
    state: CopyState | None = None


class ProbeRequest(StrictModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    host: Annotated[
        Annotated[Line, Field(min_length=1, max_length=60)] | None,
        Field(description="The host that tests; by default the one that answers."),
    ] = None
