"""The messages between a jobs worker and the child that runs a job: one JSON object per line. Django-free."""

from __future__ import annotations

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
