"""Why a command to a camera fails. Each message says what to do."""

from __future__ import annotations

from datetime import datetime

from core.broker.broker import BrokerDown
from core.text.sentences import Sentence


class ControlError(Exception):
    """The command failed. `problem` is a problem type; the message says what to do."""

    problem = "camera-not-reachable"

    def __init__(self, detail: str, problem: str | None = None, reason: str = "") -> None:
        super().__init__(detail)
        self.detail = detail
        self.problem = problem or self.problem
        self.reason = reason


class HostDown(ControlError):
    problem = "host-down"


class TooSlow(ControlError):
    """No answer in time; the command may still be running."""

    problem = "too-slow"


class CommandRefused(ControlError):
    """The command was not sent, because another user holds the camera, or a session runs on it, since `since`."""

    problem = "held"
    since: datetime

    def with_time(self, since: str) -> Sentence:
        """The message with the time as the reader knows it: pages show local times."""
        raise NotImplementedError


UNREACHED = (ControlError, BrokerDown)
"""Why a command did not reach a camera."""
