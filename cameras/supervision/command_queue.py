"""Receives the commands for this host's cameras from the broker's list `camera.<host>`, on its own thread.

A list and not a Celery task: Celery cost 4 ms and as much processor time for each command, and its consumer
took seconds to hear again after the broker was away. docs/decisions/commands.md has the figures.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable

from django.db import DatabaseError, close_old_connections, connection

from cameras.broker import broker
from cameras.commands.messages import Command
from cameras.supervision.liveness import Liveness

log = logging.getLogger(__name__)
BLOCK_S = 1.0
AWAY_S = 0.5
"""Pause before the broker is tried again."""


class CommandQueue:
    """`liveness` is when it last read the list. While one command takes long, no other is received."""

    def __init__(self, host: str, route_command: Callable[[Command], None], liveness: Liveness) -> None:
        self._name, self._route_command, self._liveness = broker.key(f"camera.{host}"), route_command, liveness
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
            self._liveness.beat()
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
        found = broker.connection().blpop([self._name], timeout=BLOCK_S)
        if found:
            self._route_command(json.loads(found[1]))
