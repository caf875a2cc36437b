"""Destinations of off-site copies, and the copies with their states, as resources. Django-free."""

from __future__ import annotations

import re
from datetime import time
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import (
    AfterValidator,
    Field,
    PlainSerializer,
    StrictBool,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from captures.storage.file_classes import COPIED
from captures.storage.offsite.destinations.settings import DestinationKind
from captures.storage.offsite.states import CopyState
from core.api.queries import PageQuery, Query
from core.resources.fields import Changes, Fields, field, together
from core.resources.resource import Operation, Resource
from core.resources.values import Bytes, Clock, Column, Flag, Id, Option, Reference, Text, check_clock
from core.times.timestamps import Stamp

DESTINATION = Reference("captures.storage.offsite.resource.DESTINATIONS")
FINGERPRINT = re.compile(r"(SHA256:[A-Za-z0-9+/]{43})?")


def check_class(value: str) -> str:
    """ValueError."""
    if value not in COPIED:
        raise ValueError(f"There is no such class of files. There are {', '.join(COPIED)}.")
    return value


def check_fingerprint(value: str) -> str:
    """ValueError."""
    if not FINGERPRINT.fullmatch(value):
        raise ValueError("Write it as `ssh-keygen -l` prints it: SHA256: and 43 characters. Empty: pin it again.")
    return value


Name = Annotated[Text, Field(min_length=1, max_length=100)]
Classes = Annotated[list[Annotated[str, AfterValidator(check_class)]], Field(min_length=1, max_length=10)]
Slug = Annotated[str, Field(max_length=40, pattern=r"^[a-z0-9-]+$")]
Hour = Annotated[str, Field(pattern=r"^([0-2][0-9]:[0-5][0-9])?$"), AfterValidator(check_clock), Clock()]
At = Annotated[time, PlainSerializer(lambda at: f"{at:%H:%M}", return_type=str), WithJsonSchema({"type": "string"})]
HOURS: dict[str, Any] = {"allowed": "both times such as 22:00 and 06:00, or neither"}


class DestinationFields(Fields):
    """What a request may have. Null is the same as what is not given."""

    name: Name = field(
        title="Name", help="By which pages, alerts and commands call it; unique.",
        allowed="a name of 1 to 100 characters, in one line of plain text",
    )  # fmt: skip
    settings: dict[str, Any] = field(title="Settings", help="Those of its kind; all but the secrets.")
    secret: dict[str, Any] | None = field(
        None, title="Secret", help="The secrets of its kind. They are never shown.", secret=True
    )
    host_key: Annotated[str, Field(max_length=100), AfterValidator(check_fingerprint)] | None = field(
        None, title="Key of the server", help="The fingerprint of the server's key; empty: the next test pins it."
    )
    classes: Annotated[Classes, Option("--class")] = field(
        title="Files", help=f"Which storage classes are copied: {', '.join(COPIED)}."
    )
    cameras: Annotated[Annotated[list[Slug], Field(max_length=1000)] | None, Option("--camera")] = field(
        None, title="Cameras", help="Only files of these; empty: of all cameras."
    )
    enabled: StrictBool | None = field(None, title="On", help="Files still wait for their copies.")
    keep_local: Annotated[StrictBool | None, Flag("--keep-local/--no-keep-local")] = field(
        None, title="No file is deleted here before its copy is verified",
        help="No file of its classes is deleted before its copy is verified.",
    )  # fmt: skip
    bytes_per_s: Annotated[Annotated[int, Field(ge=0, le=10**12)] | None, Option("--rate", former="--limit")] = field(
        None, title="Limit", help="Bytes per second of each host; 0: no limit."
    )
    begin: Hour | None = field(
        None, title="From", help="By the site's clock, such as 22:00; empty: at all hours.", **HOURS
    )
    end: Hour | None = field(None, title="To", help="Until this time; with the other one.", **HOURS)

    @field_validator("cameras", "classes")
    @classmethod
    def name_once(cls, values: list[str] | None) -> list[str] | None:
        if values is not None and len(set(values)) < len(values):
            raise ValueError("Name each of them once.")
        return values

    @model_validator(mode="after")
    def both_hours(self) -> Self:
        if (self.begin is None) != (self.end is None) or bool(self.begin) != bool(self.end):
            raise together("begin", "begin and end belong together: give both or neither.")
        return self

    def given(self) -> dict[str, Any]:
        return self.model_dump(exclude_none=True, exclude_unset=True)


class DestinationChange(DestinationFields, Changes):
    copies_moved: Annotated[StrictBool, Flag("--copies-moved")] = field(
        False, title="Copies were moved", help="The copies were moved to the place of the new settings, too."
    )


class DestinationRequest(DestinationFields):
    kind: DestinationKind = field(title="Kind", help="Where its copies are. It cannot be changed.")


class DeleteQuery(Query):
    force: Annotated[bool, Flag("--force")] = field(
        False, help="Also while files wait that must not be deleted here before they are copied."
    )


class ProbeRequest(Fields):
    host: Annotated[Text, Field(min_length=1, max_length=60)] | None = field(
        None, title="Host", help="The host that tests; by default the one that answers."
    )


class BacklogBody(Fields):
    """`files` and `bytes` wait or are being sent; `oldest` is when the content of the oldest was captured."""

    files: int
    bytes: Annotated[int, Bytes()]
    oldest: Stamp | None
    sending: int
    dead: int
    verified: int


class DestinationHostBody(Fields):
    """`error` is empty while the destination works for this host."""

    host: str
    failures: int
    failing_since: Stamp | None
    retry: Annotated[Stamp | None, Column("retry_at")]
    error: str
    verified: Annotated[Stamp | None, Column("verified_at")]


class DestinationBody(Fields):
    """`has_secret`: whether one is stored. `bytes_per_s` is null without a limit, `begin` and `end` without hours."""

    id: Annotated[Id, Column("pk")]
    name: str
    kind: str
    settings: dict[str, Any]
    has_secret: bool
    host_key: str
    classes: list[str]
    cameras: Annotated[list[str], Column("camera_slugs")]
    enabled: bool
    keep_local: bool
    bytes_per_s: int | None
    begin: At | None
    end: At | None
    created_by: str
    created: Annotated[Stamp, Column("created_at")]
    hosts: list[DestinationHostBody]
    backlog: BacklogBody


class RetriedBody(Fields):
    """How many copies were queued again."""

    copies: int


class CopyBody(Fields):
    """`file` is the id of the file's row in its `table`, which may be deleted by now."""

    id: Annotated[Id, Column("pk")]
    destination: Annotated[Id, Column("destination_id"), DESTINATION]
    table: str
    file: str
    file_class: str
    host: str
    path: str
    bytes: Annotated[int, Bytes()]
    sha256: str
    at: Stamp
    key: str
    state: str
    attempts: int
    damaged: int
    retry: Annotated[Stamp | None, Column("due_at")]
    error: str
    verified: Annotated[Stamp | None, Column("verified_at")]
    verified_by: str
    created: Annotated[Stamp, Column("created_at")]


class CopyQuery(PageQuery):
    destination: Annotated[UUID | None, DESTINATION] = field(None, help="Only copies at this destination.")
    state: CopyState | None = field(None, help="Only copies in this state.")


DESTINATIONS = Resource(
    name="offsite_destinations",
    noun="destination",
    path="offsite/destinations/",
    package="captures.storage.offsite",
    rows="selectors.destinations_for",
    prepare="selectors.with_backlogs",
    answer=DestinationBody,
    operations=(
        Operation("list", "manager", "List the destinations with what waits for them.", command="destinations"),
        Operation(
            "add", "manager", "Add a destination. Test it next: that pins the key of a server, and marks a folder.",
            "services.add_destination", DestinationRequest, "{name} is added. Test it before you rely on it.",
            keyless="It has a secret, of which no digest is stored.", arguments=("kind", "name"),
            example="offsite add folder disk2 --set path=/mnt/copies --class rolling_clip",
        ),
        Operation("show", "manager", "Show the destination.", command=None),
        Operation(
            "change", "manager", "Change the fields that are given. Limits and hours hold at once, also for the file "
            "that is being sent. Settings of another place need `copies_moved` once it has copies; they are compared "
            "there.",
            "services.change_destination", DestinationChange, "Changed {name}.", command="set",
            switches=("resume", "pause"), example="offsite set disk2 --rate 2000000",
        ),
        Operation(
            "remove", "manager", "Forget the destination. Its copies stay where they are.",
            "services.remove_destination", said="Removed {name}. Its copies stay where they are.", query=DeleteQuery,
        ),
        Operation(
            "retry", "manager", "Queue its dead copies again, at most 10,000 at once, and try it now.",
            "services.retry_destination", answer=RetriedBody, command=None,
        ),
    ),
    commands="offsite",
    kinds="captures.storage.offsite.destinations.settings.DESTINATION_KINDS",
    columns=(
        "name", "kind", "enabled", ("files waiting", "backlog.files"), ("bytes", "backlog.bytes"),
        ("oldest", "backlog.oldest"), ("dead", "backlog.dead"),
    ),
    empty="No destination. `skycam offsite add` adds one.",
)  # fmt: skip

COPIES = Resource(
    name="offsite_copies",
    noun="copy",
    path="offsite/copies/",
    package="captures.storage.offsite",
    rows="selectors.copies_for",
    answer=CopyBody,
    operations=(
        Operation("list", "manager", "List copies, the newest row first.", query=CopyQuery, command="copies"),
        Operation(
            "retry", "manager", "Queue a dead copy again. A copy in another state is not changed.",
            "services.retry_copy", command=None,
        ),
    ),
    commands="offsite",
    columns=("id", "state", "host", "path", "attempts", "error"),
    empty="No copies.",
)  # fmt: skip
