"""What a sensor's process and its host say to each other: JSON lines, one message a line. Django-free.

Down: one `Specification`; then stdin stays open, and its end is the order to exit. Up: `SamplesMessage` after each
reading, `ErrorMessage` when it failed.
"""

from __future__ import annotations

from typing import Any, Literal, TypedDict

from core.outgoing import Rules


class Specification(TypedDict):
    kind: str
    settings: dict[str, Any]
    """With secrets: the line goes through a pipe, never to the command line or the environment."""
    interval_s: float
    deadline_s: float
    """For each call of the driver."""
    outgoing: Rules


class SampleMessage(TypedDict):
    channel: str
    quantity: str
    value: float | None
    """None for what is no finite number."""
    label: str
    age_s: float
    is_valid: bool


class SamplesMessage(TypedDict):
    type: Literal["samples"]
    samples: list[SampleMessage]
    took_s: float
    """How long the reading took; 0 for a device that sends by itself."""


class ErrorMessage(TypedDict):
    type: Literal["error"]
    message: str
    permanent: bool


Message = SamplesMessage | ErrorMessage
