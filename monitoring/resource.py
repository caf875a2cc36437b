"""Events and alerts: their answers and filters, and alerts as a resource."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from core.api.queries import PageQuery, TimeQuery
from core.events.severity import Severity
from core.resources.answers import body_of
from core.resources.fields import Fields, Rows
from core.resources.resource import Operation, Resource
from core.resources.values import Column, Id
from core.times.moments import Stamp

Text = Annotated[str, Field(max_length=80, pattern=r"^[^\x00]*$")]
Spans = Annotated[list[list[int]], Column("spans")]
"""Where the message has slugs of cameras: `[[begin, end], ...]` in characters."""
MAX_WORDS = 8
ADDRESS = "address"
"""An argument of camera commands that only managers may see."""


def few_words(text: str) -> str:
    if len(text.split()) > MAX_WORDS:
        raise ValueError(f"Search for at most {MAX_WORDS} words.")
    return text


class EventQuery(TimeQuery):
    kind: Annotated[
        Text | None, Field(exclude=True, description="A kind such as session.gap, or a family such as session.")
    ] = None
    camera: Text | None = None
    severity: Severity | None = None
    host: Annotated[Text | None, Field(exclude=True)] = None
    q: Annotated[
        Annotated[str, Field(max_length=100, pattern=r"^[^\x00]*$"), AfterValidator(few_words)] | None,
        Field(exclude=True, description="Words, each in the message, the kind, the subject or the actor."),
    ] = None

    @property
    def words(self) -> list[str]:
        return (self.q or "").split()


class EventExportQuery(EventQuery):
    @model_validator(mode="after")
    def _without_pages(self) -> Self:
        if {"cursor", "limit"} & self.model_fields_set:
            raise ValueError("An export has all matching events. Leave out `cursor` and `limit`.")
        return self


class AlertQuery(PageQuery):
    newest_by: ClassVar[str] = "opened_at"

    state: Literal["open", "acknowledged", "resolved"] | None = None
    camera: Text | None = None
    severity: Severity | None = None


class EventBody(Fields):
    id: Annotated[Id, Column("pk")]
    at: Stamp
    kind: str
    severity: str
    camera: str
    subject: str
    actor: str
    host: str
    message: str
    data: dict[str, Any]
    mentions: Spans


class EventPage(Rows):
    results: list[EventBody]


class AlertBody(Fields):
    id: Annotated[Id, Column("pk")]
    key: str
    severity: str
    state: str
    camera: str
    host: str
    message: str
    opened: Annotated[Stamp, Column("opened_at")]
    last_seen: Annotated[Stamp, Column("last_seen_at")]
    count: int
    acknowledged: Annotated[Stamp | None, Column("acknowledged_at")]
    acknowledged_by: str
    resolved: Annotated[Stamp | None, Column("resolved_at")]
    data: dict[str, Any]
    mentions: Spans


def event_body(event: object, user: Any) -> dict[str, Any]:
    """As `user` may see it."""
    body = body_of(EventBody, event)
    return body if user.may("manager") else body_without_address(body)


def body_without_address(body: dict[str, Any]) -> dict[str, Any]:
    """As all but managers may see it."""
    return {**body, "data": without_address(body["data"])}


def without_address(data: dict[str, Any]) -> dict[str, Any]:
    # Left out on reading and not on writing: managers may see addresses, and events are never changed.
    arguments = data.get("arguments")
    if not isinstance(arguments, dict) or ADDRESS not in arguments:
        return data
    return {**data, "arguments": {name: value for name, value in arguments.items() if name != ADDRESS}}


ALERTS = Resource(
    name="alerts",
    noun="alert",
    path="alerts/",
    package="monitoring",
    rows="selectors.alerts_for",
    row="selectors.alert_for",
    answer=AlertBody,
    operations=(
        Operation("list", "viewer", "List alerts, newest first.", query=AlertQuery, command=None),
        Operation(
            "acknowledge", "operator", "Mark the alert as seen.", "services.acknowledge_alert",
            said="The alert is acknowledged.", command=None,
        ),
    ),
    commands="alerts",
    columns=("id", "severity", "state", "camera", "message"),
    empty="No alerts.",
)  # fmt: skip
