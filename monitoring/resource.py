"""Events and alerts: their answers and filters, and alerts as a resource."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from core.api.queries import PageQuery, TimeQuery
from core.events.answers import AlertBody
from core.events.severity import Severity
from core.resources.resource import Operation, Resource

Text = Annotated[str, Field(max_length=80, pattern=r"^[^\x00]*$")]
MAX_WORDS = 8


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


ALERTS = Resource(
    name="alerts",
    noun="alert",
    path="alerts/",
    package="core.events",
    rows="selectors.alerts_for",
    row="selectors.alert_for",
    answer=AlertBody,
    operations=(
        Operation("list", "viewer", "List alerts, newest first.", query=AlertQuery, command=None),
        Operation(
            "acknowledge", "operator", "Mark the alert as seen.", "service.acknowledge_alert",
            said="The alert is acknowledged.", command=None,
        ),
    ),
    commands="alerts",
    columns=("id", "severity", "state", "camera", "message"),
    empty="No alerts.",
)  # fmt: skip
