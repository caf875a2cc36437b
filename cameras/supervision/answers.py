"""Answers to the callers of commands."""

from __future__ import annotations

import logging
from typing import cast

from cameras.commands import control
from cameras.commands.messages import Answer, CaptureAnswer
from cameras.spool.records import CaptureRecord, Record
from core.broker import broker

log = logging.getLogger(__name__)


class BrokerAnswers:
    """Sends answers through the broker. Has no state; any thread may use it."""

    def send_response(self, command_id: str, content: Answer) -> None:
        """While the broker is away, callers get no answer; they find the outcome in the database."""
        try:
            control.push_answer(broker.connection(), command_id, content)
        except broker.UNREACHABLE as error:
            log.warning("An answer could not be sent: %s", type(error).__name__)


def record_answer(record: Record | None) -> Answer:
    """An answer with the record itself, so that the caller need not read the database; null when it was rejected.
    Only the command to capture is answered with a record."""
    return Answer(ok=True, body=CaptureAnswer(record=cast("CaptureRecord | None", record)))
