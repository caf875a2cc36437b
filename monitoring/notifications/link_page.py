"""The page behind the signed link of a notification: it shows one alert, and answers it after a confirmation.

It works without signing in, for this alert only. GET changes nothing: programs that check mail open its links.
"""

from __future__ import annotations

import hashlib
import time
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.views import View

from core.addresses import client_network
from core.events.models import Alert
from core.events.service import acknowledge_alert
from core.station_settings import station_name
from core.window_count import count_in_window
from monitoring.notifications.links import InvalidLink, actor_of, open_link
from monitoring.notifications.silenced import active_silences, is_silenced
from monitoring.notifications.silences import TooManySilences, silence_alert

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
