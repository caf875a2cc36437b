"""Query parameters and pages of events and alerts."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from core.api.paging import Links
from core.api.queries import PageQuery, TimeQuery
from monitoring.bodies import AlertBody, EventBody
from monitoring.models import Alert
from monitoring.severity import Severity

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
    state: Alert.State | None = None
    camera: Text | None = None
    severity: Severity | None = None


class EventPage(Links):
    results: list[EventBody]


class AlertPage(Links):
    results: list[AlertBody]
