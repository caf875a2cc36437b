"""Receives the commands for this host's cameras from the broker's list `camera.<host>`, on its own thread.

A list and not a Celery task: Celery cost 4 ms and as much processor time for each command, and its consumer
took seconds to hear again after the broker was away. docs/decisions/commands.md has the figures.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from typing import TYPE_CHECKING

from django.db import DatabaseError, close_old_connections, connection

from cameras.broker import broker

if TYPE_CHECKING:
    from cameras.supervision.command_router import CommandRouter

log = logging.getLogger(__name__)
BLOCK_S = 1.0
AWAY_S = 0.5
"""Pause before the broker is tried again."""


class CommandQueue:
    """Only its thread writes `alive_at`; the status publisher's thread reads it."""

    def __init__(self, host: str, router: CommandRouter) -> None:
        self.name, self.router = broker.key(f"camera.{host}"), router
        self.alive_at = time.monotonic()
        """When it last read the list. While one command takes long, no other is received."""
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="command-queue", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Commands in the list stay there; their deadlines decide whether they are still carried out."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(BLOCK_S + 1.0)

    def _run(self) -> None:
        while not self._stopping.is_set():
            self.alive_at = time.monotonic()
            try:
                self._receive_command()
            except broker.UNREACHABLE:
                self._stopping.wait(AWAY_S)
            except DatabaseError as error:
                log.error("A command was not carried out because the database did not answer: %s", error)
                close_old_connections()
            except Exception:
                log.exception("A command could not be handled.")
        connection.close()

    def _receive_command(self) -> None:
        found = broker.connection().blpop([self.name], timeout=BLOCK_S)
        if found:
            self.router.route_command(json.loads(found[1]))
