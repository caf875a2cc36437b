"""What the launcher reports to systemd, as a service of `Type=notify` (sd_notify(3)). Elsewhere it reports nothing."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable, Mapping

SOCKET = "NOTIFY_SOCKET"
VARIABLES = {SOCKET, "WATCHDOG_USEC", "WATCHDOG_PID"}
"""Parts do not get them: systemd listens to the launcher alone."""


class ServiceNotifier:
    """`describe` returns the line that `systemctl status` shows."""

    def __init__(self, environment: Mapping[str, str], describe: Callable[[], str]) -> None:
        self._address = environment.get(SOCKET, "")
        self._watchdog_s = int(environment.get("WATCHDOG_USEC", 0)) / 1e6
        self._describe = describe

    @classmethod
    def of_process(cls, describe: Callable[[], str]) -> ServiceNotifier:
        return cls(os.environ, describe)

    def ready(self) -> None:
        """The station has started; systemd waits for it no longer."""
        self._send(f"READY=1\nSTATUS={self._describe()}")

    def stopping(self) -> None:
        self._send("STOPPING=1\nSTATUS=stopping")

    async def report(self) -> None:
        """Show that the launcher's loop is alive, until it is cancelled: three times as often as systemd asks for."""
        while self._address and self._watchdog_s:
            self._send(f"WATCHDOG=1\nSTATUS={self._describe()}")
            await asyncio.sleep(self._watchdog_s / 3)

    def _send(self, message: str) -> None:
        if not self._address:
            return
        # An address in the abstract namespace is written with an @.
        address = f"\0{self._address[1:]}" if self._address.startswith("@") else self._address
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notifications:
            notifications.sendto(message.encode(), address)
