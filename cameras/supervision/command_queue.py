"""Receives the commands for this host's cameras from the broker's list `camera.<host>`, on its own thread.

A list and not a Celery task: Celery cost 4 ms and as much processor time for each command, and its consumer
took seconds to hear again after the broker was away. docs/decisions/commands.md has the figures.
"""

from __future__ import annotations

import json
from collections.abc import Callable

from cameras.commands.messages import Command
from cameras.supervision.ports import Liveness, Snapshots
from core.broker import broker
from core.retrying_thread import RetryingThread

# Less than ANSWER_S of the connection, which would take a longer wait for a broker that hangs.
BLOCK_S = 1.0
AWAY_S = 0.5
"""Pause before the broker is tried again."""
NAME_S = 0.1
"""Pause while it is not known whether this machine has the host's name."""


class CommandQueue:
    """`liveness` is when it last read the list. While one command takes long, no other is received."""

    def __init__(
        self, host: str, route_command: Callable[[Command, int], None], liveness: Liveness, snapshots: Snapshots
    ) -> None:
        """`route_command` gets a command and when it was fetched, in Redis TIME."""
        self._name, self._route_command, self._liveness = broker.key(f"camera.{host}"), route_command, liveness
        self._snapshots = snapshots
        self._thread = RetryingThread("command-queue", self._run_once)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Commands in the list stay there; their deadlines decide whether they are still carried out."""
        self._thread.stop(BLOCK_S + 1.0)

    def _run_once(self) -> None:
        self._liveness.beat()
        # The list is that of the machine that has this host's name. Who has it is known once the database was read.
        if self._snapshots.snapshot.is_refused or not self._snapshots.snapshot.read_at:
            self._thread.pause(NAME_S)
            return
        try:
            self._receive_command()
        except broker.UNREACHABLE:
            self._thread.pause(AWAY_S)

    def _receive_command(self) -> None:
        # Together, because each capture waits for this round trip. The broker reads its clock once the list had an
        # entry, or after BLOCK_S.
        pipe = broker.connection().pipeline(transaction=False)
        pipe.blpop([self._name], timeout=BLOCK_S)
        pipe.time()
        found, now = pipe.execute()
        if found:
            # A command that fails here is lost. The planned row of a capture then ends as not_started.
            self._route_command(json.loads(found[1]), broker.milliseconds(now))
