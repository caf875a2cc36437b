"""What may be asked of events and alerts."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from monitoring.bodies import AlertBody, EventBody
from monitoring.cursor import Links, Moment, PageQuery
from monitoring.models import Alert, Severity

Text = Annotated[str, Field(max_length=80, pattern=r"\A[^\x00]*\Z")]


class TimeQuery(PageQuery):
    from_: Annotated[Moment | None, Field(alias="from", description="Not before; ISO 8601 with a zone.")] = None
    to: Annotated[Moment | None, Field(description="Before; ISO 8601 with a zone.")] = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.from_ is not None and self.to is not None and self.from_ >= self.to:
            raise ValueError("`from` must be before `to`.")
        return self


class EventQuery(TimeQuery):
    kind: Text | None = None
    camera: Text | None = None
    severity: Severity | None = None

    def conditions(self) -> dict[str, object]:
        found = {
            "kind": self.kind,
            "camera": self.camera,
            "severity": self.severity,
            "at__gte": self.from_,
            "at__lt": self.to,
        }
        return {name: value for name, value in found.items() if value is not None}


class AlertQuery(PageQuery):
    state: Alert.State | None = None
    camera: Text | None = None
    severity: Severity | None = None

    def conditions(self) -> dict[str, object]:
        return self.model_dump(exclude_none=True, exclude={"cursor", "limit"})


class EventPage(Links):
    results: list[EventBody]


class AlertPage(Links):
    results: list[AlertBody]
