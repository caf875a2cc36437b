"""The outcome of a capture for its caller, and the problem of one that was not saved."""

from __future__ import annotations

from dataclasses import dataclass

from cameras.errors import ControlError
from captures.capturing.models import Capture
from core.broker.broker import BrokerDown

PROBLEM_OF = {
    "camera_held": "held",
    "camera_unreachable": "camera-not-reachable",
    "camera_hung": "camera-not-reachable",
    "camera_crashed": "camera-not-reachable",
    "disk_full": "disk-full",
    "host_down": "host-down",
    "too_slow": "too-slow",
}
"""Reason of a capture -> problem type; every other reason is capture-failed or capture-skipped."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """A capture and its state; `pending` when it has no outcome in time. `problem` says why it could not be sent."""

    capture: Capture
    pending: bool = False
    problem: ControlError | BrokerDown | None = None


class NotSaved(Exception):
    """A capture failed, was skipped or was refused. `problem` is the problem type; the message says what to do."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(_sentence(outcome))
        self.capture = outcome.capture
        self.problem = _problem(outcome)


def check_saved(outcome: Outcome) -> None:
    """NotSaved unless the capture is saved or still pending."""
    if outcome.problem is not None or outcome.capture.status in {"failed", "skipped"}:
        raise NotSaved(outcome)


def _problem(outcome: Outcome) -> str:
    if outcome.problem is not None:
        return getattr(outcome.problem, "problem", "broker-down")
    return PROBLEM_OF.get(outcome.capture.reason, f"capture-{outcome.capture.status}")


def _sentence(outcome: Outcome) -> str:
    if outcome.problem is not None:
        return str(outcome.problem)
    return outcome.capture.message or f"The capture was {outcome.capture.status}: {outcome.capture.reason}."
