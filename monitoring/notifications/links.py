"""The signed link in a notification, and the page behind it: it shows one alert, and answers it after a confirmation.
It works without signing in, for this alert only. GET changes nothing: programs that check mail open its links."""

from __future__ import annotations

import hashlib
import time
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.signing import BadSignature, SignatureExpired, TimestampSigner
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.views import View

from core.addresses import client_network
from core.events.models import Alert
from core.events.service import acknowledge_alert
from core.station_settings import station_name
from core.window_count import count_in_window
from monitoring.models import NotificationChannel
from monitoring.notifications.selectors import active_silences, is_silenced
from monitoring.notifications.silences import TooManySilences, silence_alert

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


WINDOW_S = 60
MAX_REQUESTS = 30
"""A minute and address."""
SILENCES: dict[str, float | None] = {"silence-1h": 3600.0, "silence-8h": 8 * 3600.0, "silence": None}
"""Answer -> seconds; None: until the alert is resolved."""


class AlertLinkPage(View):
    """For anyone who has the link."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if requests_of(request) > MAX_REQUESTS:
            return self._answer(429, sentence="Too many requests. Wait a minute.")
        try:
            return super().dispatch(request, *args, **kwargs)
        except InvalidLink as error:
            return self._answer(410, sentence=str(error))

    def get(self, request: HttpRequest, link: str) -> HttpResponse:
        alert, _ = open_link(link)
        return self._show(alert)

    def post(self, request: HttpRequest, link: str) -> HttpResponse:
        """Acknowledge or silence the alert."""
        alert, channel = open_link(link)
        answer, actor = request.POST.get("answer", ""), actor_of(channel)
        if alert.state == Alert.State.RESOLVED:
            return self._show(alert)
        if answer == "acknowledge":
            return self._show(acknowledge_alert(alert, actor), "The alert is acknowledged.")
        if answer not in SILENCES:
            return self._show(alert, "Choose an answer.", 400)
        try:
            silence_alert(alert, actor, for_s=SILENCES[answer])
        except TooManySilences as error:
            return self._show(alert, str(error), 409)
        return self._show(alert, "The alert is silenced: no one is notified of it.")

    def _show(self, alert: Alert, sentence: str = "", status: int = 200) -> HttpResponse:
        silenced = is_silenced(alert, list(active_silences()))
        return self._answer(status, alert=alert, sentence=sentence, silenced=silenced)

    def _answer(self, status: int, **context: Any) -> HttpResponse:
        answer = render(self.request, "notifications/link.html", {"station": station_name(), **context}, status=status)
        answer.headers["Cache-Control"] = "no-store"
        # The address is the key: it goes to no other site.
        answer.headers["Referrer-Policy"] = "no-referrer"
        return answer


def requests_of(request: HttpRequest) -> int:
    """The number of requests from this address in this minute."""
    address = client_network(str(request.META.get("REMOTE_ADDR", "")))
    digest = hashlib.sha256(address.encode()).hexdigest()[:32]
    return count_in_window(f"alert-link:{digest}:{int(time.time() // WINDOW_S)}", 2 * WINDOW_S)
