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


class AlertQuery(PageQuery):
    state: Alert.State | None = None
    camera: Text | None = None
    severity: Severity | None = None


class EventPage(Links):
    results: list[EventBody]


class AlertPage(Links):
    results: list[AlertBody]
