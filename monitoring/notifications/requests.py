"""Bodies and query parameters of requests about notifications and silences."""

from __future__ import annotations

from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import BeforeValidator, ConfigDict, Field, model_validator

from core.api.model import StrictModel
from core.api.paging import Links, PageQuery
from core.text.names import Line
from monitoring.models import NotificationKind, NotificationState
from monitoring.notifications.bodies import NotificationBody, SilenceBody
from monitoring.notifications.channels.base import stripped
from monitoring.notifications.site_time import ClockTime
from monitoring.severity import Severity

DAY_S = 86_400
YEAR_S = 365 * DAY_S
Name = Annotated[Line, BeforeValidator(stripped), Field(min_length=1, max_length=60)]
KeyPrefix = Annotated[Line, BeforeValidator(stripped), Field(max_length=120)]
Slug = Annotated[Line, BeforeValidator(stripped), Field(max_length=60)]
Reason = Annotated[Line, BeforeValidator(stripped), Field(max_length=200)]
Wait = Annotated[int, Field(ge=0, le=7 * DAY_S)]


class ChannelRequest(StrictModel):
    """A new channel. `settings` are those of its kind."""

    model_config = ConfigDict(extra="forbid")
    name: Name
    kind: Annotated[str, Field(max_length=20)]
    settings: dict[str, Any]
    enabled: bool = True


class NotificationChannelChange(StrictModel):
    """Only the fields and settings that are given change."""

    model_config = ConfigDict(extra="forbid")
    name: Name | None = None
    settings: dict[str, Any] | None = None
    enabled: bool | None = None


class RouteRequest(StrictModel):
    """A route. `channel` and `escalate_to` are ids of channels."""

    model_config = ConfigDict(extra="forbid")
    name: Name
    channel: UUID
    position: Annotated[int, Field(ge=0, le=1000)] = 0
    enabled: bool = True
    continue_matching: bool = False
    severity: Severity = Severity.WARNING
    key_prefix: KeyPrefix = ""
    camera: Slug = ""
    host: Annotated[Line, BeforeValidator(stripped), Field(max_length=64)] = ""
    active_from: ClockTime = ""
    active_until: ClockTime = ""
    quiet_from: ClockTime = ""
    quiet_until: ClockTime = ""
    group_wait_s: Annotated[int, Field(ge=0, le=3600)] = 10
    repeat_every_s: Wait = 0
    escalate_after_s: Wait = 0
    escalate_to: UUID | None = None
    notify_resolved: bool = True
    attach_picture: bool = True
    night_reports: bool = False

    @model_validator(mode="after")
    def both_or_neither(self) -> Self:
        for one, other, what in (
            (self.active_from, self.active_until, "active_from and active_until"),
            (self.quiet_from, self.quiet_until, "quiet_from and quiet_until"),
        ):
            if bool(one) != bool(other) or (one and one == other):
                raise ValueError(f"Give {what} two different times, or leave both out.")
        if 0 < self.repeat_every_s < 60:
            raise ValueError("Repeat at most once a minute: repeat_every_s is 0, or 60 and more.")
        if bool(self.escalate_after_s) != bool(self.escalate_to):
            raise ValueError("An escalation needs both escalate_after_s and escalate_to.")
        return self


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


class NotificationPage(Links):
    results: list[NotificationBody]


class SilenceQuery(PageQuery):
    active: bool | None = None


class SilencePage(Links):
    results: list[SilenceBody]
