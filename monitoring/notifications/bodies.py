"""Channels, routes, notifications and silences as JSON, for API and command line."""

from __future__ import annotations

from typing import Any, TypedDict

from core.times.timestamps import stamp, stamp_or_none
from monitoring.models import AlertSilence, NotificationDelivery, NotificationRoute, NotificationState
from monitoring.notifications.selectors import ChannelStatus

API = "/api/v1/notifications/"


class NotificationChannelBody(TypedDict):
    id: str
    name: str
    kind: str
    settings: dict[str, Any]
    enabled: bool
    failing_since: str | None
    last_error: str
    last_sent: str | None
    pending: int
    created_by: str
    created: str


class RouteBody(TypedDict):
    id: str
    name: str
    position: int
    enabled: bool
    channel: str
    continue_matching: bool
    severity: str
    key_prefix: str
    camera: str
    host: str
    active_from: str
    active_until: str
    quiet_from: str
    quiet_until: str
    group_wait_s: int
    repeat_every_s: int
    escalate_after_s: int
    escalate_to: str | None
    notify_resolved: bool
    attach_picture: bool
    night_reports: bool


class NotificationBody(TypedDict):
    id: str
    channel: str
    route: str | None
    kind: str
    alert: str | None
    state: str
    tries: int
    next: str | None
    error: str
    created: str
    ended: str | None


class SilenceBody(TypedDict):
    id: str
    key: str
    key_prefix: str
    camera: str
    reason: str
    created_by: str
    created: str
    ends: str | None
    ended: str | None
    ended_by: str


def channel_body(status: ChannelStatus) -> NotificationChannelBody:
    """Without its secrets."""
    channel = status.channel
    return NotificationChannelBody(
        id=str(channel.pk),
        name=channel.name,
        kind=channel.kind,
        settings=channel.settings_shown,
        enabled=channel.enabled,
        failing_since=stamp_or_none(channel.failing_since),
        last_error=channel.last_error,
        last_sent=stamp_or_none(channel.last_sent_at),
        pending=status.pending,
        created_by=channel.created_by,
        created=stamp(channel.created_at),
    )


def route_body(route: NotificationRoute) -> RouteBody:
    return RouteBody(
        id=str(route.pk),
        name=route.name,
        position=route.position,
        enabled=route.enabled,
        channel=str(route.channel_id),
        continue_matching=route.continue_matching,
        severity=route.severity,
        key_prefix=route.key_prefix,
        camera=route.camera,
        host=route.host,
        active_from=route.active_from,
        active_until=route.active_until,
        quiet_from=route.quiet_from,
        quiet_until=route.quiet_until,
        group_wait_s=route.group_wait_s,
        repeat_every_s=route.repeat_every_s,
        escalate_after_s=route.escalate_after_s,
        escalate_to=str(route.escalate_to_id) if route.escalate_to_id else None,
        notify_resolved=route.notify_resolved,
        attach_picture=route.attach_picture,
        night_reports=route.night_reports,
    )


def notification_body(delivery: NotificationDelivery) -> NotificationBody:
    return NotificationBody(
        id=str(delivery.pk),
        channel=str(delivery.channel_id),
        route=str(delivery.route_id) if delivery.route_id else None,
        kind=delivery.kind,
        alert=str(delivery.alert) if delivery.alert else None,
        state=delivery.state,
        tries=delivery.tries,
        next=stamp(delivery.not_before) if delivery.state == NotificationState.PENDING else None,
        error=delivery.error,
        created=stamp(delivery.created_at),
        ended=stamp_or_none(delivery.ended_at),
    )


def silence_body(silence: AlertSilence) -> SilenceBody:
    return SilenceBody(
        id=str(silence.pk),
        key=silence.key,
        key_prefix=silence.key_prefix,
        camera=silence.camera,
        reason=silence.reason,
        created_by=silence.created_by,
        created=stamp(silence.created_at),
        ends=stamp_or_none(silence.ends_at),
        ended=stamp_or_none(silence.ended_at),
        ended_by=silence.ended_by,
    )
