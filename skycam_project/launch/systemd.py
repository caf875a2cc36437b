"""What the launcher reports to systemd, as a service of `Type=notify` (sd_notify(3)). Elsewhere it reports nothing."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable, Mapping

SOCKET = "NOTIFY_SOCKET"
VARIABLES = {SOCKET, "WATCHDOG_USEC", "WATCHDOG_PID"}
"""Parts do not get them: systemd listens to the launcher alone."""
STATES = {"READY=1", "STOPPING=1"}
"""What systemd must hear. Other messages are followed by newer ones."""
RETRY_S = 1.0


class ServiceNotifier:
    """`describe` returns the line that `systemctl status` shows."""

    def __init__(self, environment: Mapping[str, str], describe: Callable[[], str]) -> None:
        self._address = environment.get(SOCKET, "")
        self._watchdog_s = int(environment.get("WATCHDOG_USEC", 0)) / 1e6
        self._describe = describe
        self._unsent: list[str] = []

    @classmethod
    def of_process(cls, describe: Callable[[], str]) -> ServiceNotifier:
        return cls(os.environ, describe)

    def ready(self) -> None:
        """The station has started; systemd waits for it no longer."""
        self._send("READY=1", f"STATUS={self._describe()}")

    def stopping(self) -> None:
        self._send("STOPPING=1", "STATUS=stopping")

    async def report(self) -> None:
        """Show that the launcher's loop is alive, until it is cancelled: three times as often as systemd asks for. What
        could not be sent before goes along."""
        while self._address:
            if self._watchdog_s:
                self._send(f"STATUS={self._describe()}", "WATCHDOG=1")
            elif self._unsent:
                self._send()
            await asyncio.sleep(self._watchdog_s / 3 or RETRY_S)

    def _send(self, *fields: str) -> None:
        if not self._address:
            return
        # An address in the abstract namespace is written with an @.
        address = f"\0{self._address[1:]}" if self._address.startswith("@") else self._address
        lines = [*self._unsent, *fields]
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notifications:
            # Its queue is full after some ten messages, and a launcher that waits for room in it supervises no part.
            notifications.setblocking(False)
            try:
                notifications.sendto("\n".join(lines).encode(), address)
                self._unsent = []
            except OSError:  # full, or systemd starts itself again
                self._unsent = [line for line in lines if line in STATES]
