"""The dead-man's switch: a ping that a service outside of the station expects.

It stops when the station is ill or dead, and the service tells somebody.
"""

from __future__ import annotations

import logging

from django.conf import settings

from core.periodic.thread import PeriodicThread
from monitoring.health import findings
from monitoring.notifications.channels.http import USER_AGENT
from monitoring.webhooks.client import WebhookClient
from monitoring.webhooks.receiver_url import ReceiverUrl

log = logging.getLogger(__name__)
FAIL = "/fail"


class DeadManSwitch:
    """Pings `monitoring.dead_man_switch.url` every `interval_s` while the checks of HEALTH find nothing, from the jobs
    part of each host that has the key."""

    def __init__(self, host: str, client: WebhookClient | None = None) -> None:
        self._host, self._config = host, settings.STATION.monitoring.dead_man_switch
        self._client = client or WebhookClient(settings.STATION.outgoing)
        self._thread = PeriodicThread("dead-man-switch", self.check_and_ping, interval_s=self._config.interval_s)

    def start(self) -> None:
        if self._config.url:
            self._thread.start()

    def stop(self) -> None:
        if self._config.url:
            self._thread.stop(1.0)

    def check_and_ping(self) -> None:
        """An error of the checks is a missing ping, too: its thread logs and counts it."""
        ill = sorted(name for name, found in findings().items() if found)
        if not ill:
            self._ping(self._config.url, b"")
        elif self._config.report_failure:
            # The names of the checks only: the sentences name cameras and folders.
            self._ping(self._config.url.rstrip("/") + FAIL, f"{self._host}: {', '.join(ill)}".encode())

    def _ping(self, url: str, body: bytes) -> None:
        headers = {"Content-Type": "text/plain; charset=utf-8", "User-Agent": USER_AGENT}
        answer = self._client.post(ReceiverUrl.parse(url), body, headers)
        if answer.error:
            log.warning("The ping of the dead-man's switch failed: %s", answer.error)
