"""Makes the message of a claim and sends it over its channel, whose settings are encrypted as a whole."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any
from uuid import UUID

from django.conf import settings
from pydantic import ValidationError as Refused

from captures.files.addresses import newest_thumbnail
from core.background import log_and_continue
from core.events.models import Alert
from core.secrets import DecryptionFailed, decrypt_secrets, encrypt_secrets
from core.station_settings import station_name
from core.station_zone import station_zone
from monitoring.models import NotificationChannel, NotificationDelivery
from monitoring.notification_states import NotificationKind
from monitoring.notifications.channels.base import DEADLINE_S, ChannelSettings, SendResult, channel_class
from monitoring.notifications.deliveries import Claim
from monitoring.notifications.links import link_of
from monitoring.notifications.message import Attachment, Notification, NotifiedAlert
from scheduler.reports.nightly import stored_report

log = logging.getLogger(__name__)


def settings_columns(channel: NotificationChannel, settings: ChannelSettings) -> dict[str, Any]:
    encrypted = encrypt_secrets(channel, "settings_encrypted", settings.model_dump(mode="json"))
    return {"settings_encrypted": encrypted, "settings_shown": settings.shown()}


def settings_of(channel: NotificationChannel) -> ChannelSettings:
    """DecryptionFailed; ValidationError of pydantic when a newer version refuses them."""
    values = decrypt_secrets(channel, "settings_encrypted")
    return channel_class(channel.kind).settings_model.model_validate(values)


MAX_ATTACHMENT = 5_000_000
GONE = "The alert was removed."


def send_claim(claim: Claim) -> SendResult:
    """Never raises for what the network, the far end, or the stored settings do."""
    return send(claim.channel, notification_of(claim.channel, claim.rows))


def send(channel: NotificationChannel, notification: Notification, deadline_s: float = DEADLINE_S) -> SendResult:
    try:
        found = channel_class(channel.kind)(settings_of(channel), settings.STATION.outgoing, deadline_s)
    except (DecryptionFailed, KeyError, Refused) as error:
        invalid = "Its settings are not valid in this version. Write them again."
        return SendResult(str(error) if isinstance(error, DecryptionFailed) else invalid)
    result = found.send(notification)
    # The far end may repeat what it was sent, and error and detail are stored and shown.
    secret_free = found.settings.without_secrets
    return replace(result, error=secret_free(result.error), detail=secret_free(result.detail))


def notification_of(channel: NotificationChannel, rows: Iterable[NotificationDelivery]) -> Notification:
    """The message of some deliveries of one kind, with what is known of their alerts now."""
    deliveries = list(rows)
    first = deliveries[0]
    found = Alert.objects.in_bulk([row.alert for row in deliveries if row.alert])
    alerts = [found[row.alert] for row in deliveries if row.alert in found]
    text = first.text or ("" if alerts else GONE)
    return Notification(
        id=str(first.pk),
        kind=first.kind,
        station=station_name(),
        alerts=tuple(notified(alert, channel.pk) for alert in alerts),
        text=text,
        attachment=_attachment(first, alerts),
    )


def notified(alert: Alert, channel: UUID) -> NotifiedAlert:
    zone = station_zone()
    return NotifiedAlert(
        id=str(alert.pk),
        key=alert.key,
        severity=alert.severity,
        state=alert.state,
        camera=alert.camera,
        host=alert.host,
        message=alert.message,
        # People read them by the clock of the site.
        opened_at=alert.opened_at.astimezone(zone),
        resolved_at=alert.resolved_at.astimezone(zone) if alert.resolved_at else None,
        count=alert.count,
        # A resolved alert needs no answer.
        link="" if alert.state == Alert.State.RESOLVED else link_of(alert.pk, channel),
    )


def _attachment(row: NotificationDelivery, alerts: list[Alert]) -> Attachment | None:
    if row.kind == NotificationKind.REPORT and row.night is not None:
        return _attached(stored_report, "text/html", f"night-{row.night}.html", row.night)
    if row.kind in {NotificationKind.RESOLVED, NotificationKind.TEST} or not (row.route and row.route.attach_picture):
        return None
    camera = next((alert.camera_uuid for alert in alerts if alert.camera_uuid), "")
    if not camera and not any(alert.data.get("site_picture") for alert in alerts):
        return None
    return _attached(newest_thumbnail, "image/jpeg", "picture.jpg", camera)


def _attached(read: Callable[[Any], bytes | None], mime_type: str, name: str, argument: Any) -> Attachment | None:
    """A message without its attachment is better than none: an error is logged and counted."""
    with log_and_continue("attachments of notifications"):
        content = read(argument)
        if content is not None and len(content) <= MAX_ATTACHMENT:
            return Attachment(name, mime_type, content)
    return None
