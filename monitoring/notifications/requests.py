"""Bodies and query parameters of requests about silences and what was sent."""

from __future__ import annotations

from typing import Annotated, Self
from uuid import UUID

from pydantic import ConfigDict, Field, model_validator

from core.api.model import StrictModel
from core.api.queries import PageQuery
from core.resources.fields import Rows, Text
from monitoring.models import NotificationKind, NotificationState
from monitoring.notifications.resource import KeyPrefix, NotificationBody, SilenceBody, Slug

YEAR_S = 365 * 86_400
Reason = Annotated[Text, Field(max_length=200)]


class SilenceAlertRequest(StrictModel):
    """Without `for_s` the silence ends when the alert is resolved."""

    model_config = ConfigDict(extra="forbid")
    for_s: Annotated[int, Field(ge=60, le=YEAR_S)] | None = None
    reason: Reason = ""


class SilenceRequest(StrictModel):
    """Alerts that match all that is given are silenced."""

    model_config = ConfigDict(extra="forbid")
    for_s: Annotated[int, Field(ge=60, le=YEAR_S)]
    key_prefix: KeyPrefix = ""
    camera: Slug = ""
    reason: Reason = ""

    @model_validator(mode="after")
    def has_a_condition(self) -> Self:
        if not self.key_prefix and not self.camera:
            raise ValueError("Give key_prefix or camera: a silence of all alerts would hide too much.")
        return self


class NotificationQuery(PageQuery):
    state: NotificationState | None = None
    kind: NotificationKind | None = None
    channel: UUID | None = None
    alert: UUID | None = None


class NotificationPage(Rows):
    results: list[NotificationBody]


class SilenceQuery(PageQuery):
    active: bool | None = None


class SilencePage(Rows):
    results: list[SilenceBody]
