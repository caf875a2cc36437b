"""What a job's function gets, and the messages between its child process and the worker: one JSON object per line.
Django-free."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, TypedDict


class JobSpec(TypedDict):
    """Down, once: what the child is to do. `function` is a dotted path."""

    id: str
    kind: str
    function: str
    arguments: dict[str, Any]
    checkpoint: dict[str, Any] | None
    actor: str
    memory_bytes: int
    cpu_s: int
    nice: int


class ProgressMessage(TypedDict):
    """Up: `total` is None while it is unknown. `checkpoint` is None if it did not change."""

    type: Literal["progress"]
    done: int
    total: int | None
    sentence: str
    checkpoint: dict[str, Any] | None


class DoneMessage(TypedDict):
    """Up: the function returned. `stopped`: it was asked to stop and saw it, so the work may be incomplete."""

    type: Literal["done"]
    result: dict[str, Any] | None
    stopped: bool


class FailedMessage(TypedDict):
    """Up: the function raised. `permanent`: another attempt would fail in the same way."""

    type: Literal["failed"]
    error: str
    permanent: bool


EndMessage = DoneMessage | FailedMessage
Message = ProgressMessage | DoneMessage | FailedMessage


PROGRESS_INTERVAL_S = 1.0
SENTENCE_LENGTH = 200


class JobError(Exception):
    """The work failed, for the reason of the message. With `permanent` it is not tried again."""

    def __init__(self, message: str, *, permanent: bool = False) -> None:
        super().__init__(message)
        self.permanent = permanent


@dataclass(slots=True)
class JobContext:
    """A job in its child process. The function may be started again after a kill at any line, so it must be idempotent,
    or continue at `checkpoint`. `actor` is who requested the job."""

    id: str
    arguments: dict[str, Any]
    checkpoint: dict[str, Any] | None
    actor: str
    send: Callable[[ProgressMessage], None]
    stopping: threading.Event = field(default_factory=threading.Event)
    clock: Callable[[], float] = time.monotonic
    was_asked_to_stop: bool = False
    """Whether the function has seen that it is to stop."""
    _sent_at: float = float("-inf")

    def progress(
        self, done: int, total: int | None = None, sentence: str = "", *, always: bool = False, **checkpoint: Any
    ) -> None:
        """Report `done` of `total`, with a sentence that names no camera. Keywords replace the checkpoint. Cheap: at
        most one report a second is sent, and what is dropped is lost, so the last report before a kill may be old. The
        report that all is done is always sent, and one with `always`, such as the last before a stop."""
        if self.clock() - self._sent_at < PROGRESS_INTERVAL_S and done != total and not always:
            return
        self._sent_at = self.clock()
        self.send(
            ProgressMessage(
                type="progress",
                done=done,
                total=total,
                sentence=sentence[:SENTENCE_LENGTH],
                checkpoint=checkpoint or None,
            )
        )

    def should_stop(self) -> bool:
        """Whether the function is to return soon with what it has: the job was cancelled, its deadline has passed, or
        the worker stops. A function that does not ask is killed after a grace time."""
        # Remembered: the outcome depends on whether the function has seen the request.
        self.was_asked_to_stop = self.was_asked_to_stop or self.stopping.is_set()
        return self.was_asked_to_stop
