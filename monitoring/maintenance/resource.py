"""Maintenance windows as a resource."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from core.resources.fields import Fields, field
from core.resources.resource import Operation, Resource
from core.resources.values import Column, Id, Option, Seconds, Text
from core.times.timestamps import Moment, Stamp

LONGEST_S = 30 * 86_400.0


class WindowRequest(Fields):
    """A new maintenance window, from now if `from` is missing; to `to`, or for `duration_s`."""

    subject: Annotated[Text, Field(min_length=1, max_length=200)] = field(
        title="Subject", help="A sensor, camera, host or disk; * and ? are wildcards.", example="balcony",
        allowed="what is being worked on; * is everything",
    )  # fmt: skip
    from_: Annotated[Moment | None, Option("--from")] = field(
        None, alias="from", title="From", help="When it begins; now by default.", example="now"
    )
    to: Annotated[Moment | None, Option("--until", former="--to")] = field(None, title="Until", help="When it ends.")
    duration_s: Annotated[Seconds | None, Option("--for")] = field(
        None, title="Takes", help="How long it takes, instead of when it ends.", example="2 h", gt=0, le=LONGEST_S
    )
    reason: Annotated[Text, Field(max_length=200)] = field("", title="Reason", help="What is done, for others.")


class WindowBody(Fields):
    id: Annotated[Id, Column("pk")]
    subject: str
    from_: Annotated[Stamp, Column("begins_at")] = field(alias="from")
    to: Annotated[Stamp, Column("ends_at")]
    running: bool
    reason: str
    created_by: str
    created: Annotated[Stamp, Column("created_at")]


WINDOWS = Resource(
    name="maintenance_windows",
    noun="maintenance window",
    path="maintenance-windows/",
    package="monitoring.maintenance",
    rows="services.windows_for",
    row="services.window_for",
    answer=WindowBody,
    operations=(
        Operation("list", "viewer", "List the newest maintenance windows, the latest begin first."),
        Operation(
            "add", "manager", "Add a maintenance window. The rules open no alerts for its subject.",
            "services.add_window", WindowRequest, "No rule opens an alert for {subject} from {from} to {to}.",
            arguments=("subject",), example='alerts maintenance add balcony --for 2h --reason "New cable"',
        ),
        Operation(
            "end", "operator", "End a window that runs.", "services.end_window", said="The maintenance window is over."
        ),
        Operation(
            "remove", "operator", "Remove the window. One that runs has no effect any more.", "services.remove_window",
            said="The maintenance window is removed.",
        ),
    ),
    commands="alerts maintenance",
    columns=("id", "subject", "from", "to", ("runs", "running"), ("by", "created_by"), "reason"),
    empty="No maintenance windows.",
)  # fmt: skip
