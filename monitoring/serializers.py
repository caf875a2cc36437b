"""Query parameters and pages of events and alerts."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from core.api.paging import Links, PageQuery, TimeQuery
from monitoring.bodies import AlertBody, EventBody
from monitoring.models import Alert, Severity

Text = Annotated[str, Field(max_length=80, pattern=r"^[^\x00]*$")]


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
