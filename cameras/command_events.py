"""Commands in the event log: who, when, with which arguments, and what came of it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from django.db import DatabaseError, transaction
from django.utils import timezone

from cameras.broker import BrokerDown
from cameras.control import ControlError
from cameras.lease_holders import LeaseHeld
from cameras.models import Camera
from monitoring.models import Event
from monitoring.services import record_event

log = logging.getLogger(__name__)
WISHED, DONE = "wished", "done"
UNREACHED = (ControlError, BrokerDown)
ATTEMPT_PHRASES = {
    "adopt": "adopt the settings of {}",
    "capture": "take a picture with {}",
    "change": "change {}",
    "connect": "connect {}",
    "disconnect": "disconnect {}",
    "faults": "switch the faults of {}",
    "new-clip": "begin a new clip of {}",
    "record": "record {}",
    "release": "release {}",
    "remove": "remove {}",
    "settings": "change the settings of {}",
    "start": "start a session on {}",
    "stop": "stop the session of {}",
    "stop-recording": "stop the recording of {}",
    "take": "take {}",
}
"""Order -> what somebody tried, with the camera's id in it."""
REPEAT_INTERVAL = timedelta(minutes=1)
"""How long the same refusal of the same person is not written again."""


def command_data(order: str, arguments: dict[str, Any], outcome: str) -> dict[str, Any]:
    """What a command's event says besides its user and time."""
    return {"order": order, "arguments": arguments, "outcome": outcome}


def wished(
    camera: Camera, order: str, did: str, actor: str, arguments: dict[str, Any], *, kind: str = "command",
    subject: object = "",
) -> Event:  # fmt: skip
    """In the transaction of the wish. `did` goes on after the actor's name."""
    return record_event(
        kind, f"{actor or 'Someone'} {did}", camera=camera, subject=subject, actor=actor,
        data=command_data(order, arguments, WISHED),
    )  # fmt: skip


@contextmanager
def record_outcome(event: Event) -> Iterator[None]:
    """What is done within is what `event` wished. What came of it is an event of its own, as none is ever changed:
    `command.done`, or `command.failed` with the type of the problem that rises."""
    try:
        yield
    except UNREACHED as error:
        _record_failure(f"{event.message} {error}", **_outcome_fields(event, problem_of(error)))
        raise
    with _log_database_errors():
        record_event("command.done", f"Done: {event.message}", **_outcome_fields(event, DONE))


@contextmanager
def record_failures(camera: Camera, order: str, actor: str, arguments: dict[str, Any]) -> Iterator[None]:
    """For a command that is no lasting wish: it is an event when it did not reach the camera."""
    try:
        yield
    except UNREACHED as error:
        message = f"{failure_sentence(order, camera, actor)} {error}"
        _record_failure(message, camera=camera, actor=actor, data=command_data(order, arguments, problem_of(error)))
        raise


def problem_of(error: ControlError | BrokerDown) -> str:
    return error.problem if isinstance(error, ControlError) else "broker-down"


def _outcome_fields(event: Event, outcome: str) -> dict[str, Any]:
    data = event.data | {"outcome": outcome, "event": str(event.pk)}
    return {"camera": event.camera_ref, "subject": event.subject, "actor": event.actor, "data": data}


def _record_failure(message: str, **fields: Any) -> None:
    with _log_database_errors():
        record_event("command.failed", message, severity="warning", **fields)


@contextmanager
def _log_database_errors() -> Iterator[None]:
    """The command's answer does not depend on whether its outcome can be written."""
    try:
        with transaction.atomic():
            yield
    except DatabaseError as error:
        log.warning("The outcome of a command cannot be written: %s", error)


def failure_sentence(order: str, camera: Camera, actor: str) -> str:
    """`ben could not take a picture with sky.`"""
    return f"{actor or 'Someone'} could not {ATTEMPT_PHRASES.get(order, order + ' {}').format(camera.slug)}."


@contextmanager
def record_refusals(camera: Camera, order: str, actor: str, arguments: dict[str, Any] | None = None) -> Iterator[None]:
    """A refusal because another holds the camera becomes an event. To be entered outside of the transaction."""
    try:
        yield
    except LeaseHeld as error:
        _record_refusal(error, camera, order, actor, arguments or {})
        raise


def _record_refusal(error: LeaseHeld, camera: Camera, order: str, actor: str, arguments: dict[str, Any]) -> None:
    same = Event.objects.filter(
        kind="command", camera_uuid=str(camera.id), actor=actor, at__gte=timezone.now() - REPEAT_INTERVAL
    )
    if same.filter(data__order=order, data__outcome=error.problem).exists():
        return
    record_event(
        "command", f"{failure_sentence(order, camera, actor)} {error}", severity="warning",
        camera=camera, actor=actor, data=command_data(order, arguments, error.problem),
    )  # fmt: skip
