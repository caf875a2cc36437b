"""Turns a capture that was not saved into the problem for its caller."""

from __future__ import annotations

from captures.camera_service import Outcome

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
