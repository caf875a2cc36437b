"""A program that captures in a loop while a station is killed."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Self

from tests.harness.stations.http_client import AWAY, Answer
from tests.harness.stations.station import Station
from tests.harness.waiting import eventually

RECOVERS_S = 25.0
"""The longest recovery: that of a worker that hangs."""


@dataclass
class Client:
    """Captures in a loop, as an impatient program does, and keeps the answers."""

    station: Station
    pause_s: float = 0.05
    patience_s: float = 0.7
    answers: list[tuple[float, float, Answer | None]] = field(default_factory=list)
    """When requested, when answered (monotonic), and the answer; None without an answer."""

    def __enter__(self) -> Self:
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping.wait(self.pause_s):
            self.answers.append(self._capture())

    def _capture(self) -> tuple[float, float, Answer | None]:
        requested = time.monotonic()
        answer = None
        with suppress(*AWAY):
            answer = self.station.cameras.capture(timeout=self.patience_s)
        return requested, time.monotonic(), answer

    def saved(self) -> list[str]:
        """Ids of the captures that were acknowledged."""
        return [answer.body["id"] for _, _, answer in self.answers if answer and answer.status == 201]

    def wait_for_saves(self, more: int) -> None:
        """Wait until `more` captures were acknowledged: a random moment, in captures instead of seconds."""
        wanted = len(self.saved()) + more
        eventually(lambda: len(self.saved()) >= wanted, f"{more} more captures")

    def acknowledged_since(self, moment: float) -> float | None:
        """When the first capture requested after `moment` was acknowledged."""
        found = [
            ended
            for requested, ended, answer in list(self.answers)
            if requested > moment and answer and answer.status == 201
        ]
        return found[0] if found else None

    def recovery_s(self, fault: Callable[[], None]) -> float:
        """Seconds from the fault until a capture requested after it was acknowledged."""
        fault()
        began = time.monotonic()
        return float(eventually(lambda: self.acknowledged_since(began), "captures again", takes_s=RECOVERS_S)) - began

    def lost(self) -> list[str]:
        """Captures that were acknowledged and are not saved."""
        return [capture for capture in self.saved() if self.station.database.status_of(capture)[0] != "saved"]
