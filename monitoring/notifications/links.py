"""The signed link in a notification, by which its reader answers one alert without signing in."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.core.signing import BadSignature, SignatureExpired, TimestampSigner

from core.events.models import Alert
from monitoring.models import NotificationChannel

SALT = "skycam.alert-link"
VALID_FOR = timedelta(days=7)


class InvalidLink(Exception):
    """The message says why."""


def link_of(alert: UUID, channel: UUID) -> str:
    """The address; empty while the configuration does not say how browsers reach the station."""
    base = settings.STATION.web.public_url
    return f"{base}/alerts/link/{link_token(alert, channel)}/" if base else ""


def link_token(alert: UUID, channel: UUID) -> str:
    # Of letters, digits, - _ and colons: it is a part of a path.
    return TimestampSigner(salt=SALT).sign(f"{alert.hex}{channel.hex}")


def open_link(token: str) -> tuple[Alert, NotificationChannel]:
    """The alert, and the channel whose reader has the link. InvalidLink."""
    try:
        ids = TimestampSigner(salt=SALT).unsign(token, max_age=VALID_FOR)
        alert, channel = UUID(ids[:32]), UUID(ids[32:])
    except SignatureExpired:
        raise InvalidLink(f"This link is older than {VALID_FOR.days} days. Sign in to answer the alert.") from None
    except (BadSignature, ValueError):
        raise InvalidLink("This link is not valid. Open the address exactly as the message has it.") from None
    found, sent = Alert.objects.filter(pk=alert).first(), NotificationChannel.objects.filter(pk=channel).first()
    # A channel that was switched off or removed takes its links with it.
    if found is None or sent is None or not sent.enabled:
        raise InvalidLink("This link is no longer valid: its alert or its channel was removed, or is switched off.")
    return found, sent


def actor_of(channel: NotificationChannel) -> str:
    """Who answered by a link: the channel, since a link has no name of a person."""
    return f"link:{channel.name}"
