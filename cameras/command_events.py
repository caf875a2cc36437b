"""Commands in the event log: who sent which command, with which arguments, and its outcome."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from django.db import DatabaseError, transaction
from django.utils import timezone

from cameras.errors import UNREACHED, CommandRefused, ControlError
from cameras.models import Camera
from core.broker.broker import BrokerDown
from core.camera_refs import Cameras
from core.events.models import Event
from core.events.service import record_event
from core.text.sentences import Sentence, join_sentences, sentence

log = logging.getLogger(__name__)
# Programs read these values in the events' data, so they are not renamed.
DESIRED, DONE = "wished", "done"
ATTEMPT_PHRASES = {
    "adopt": "adopt the settings of {camera}",
    "capture": "take a picture with {camera}",
    "change": "change {camera}",
    "connect": "connect {camera}",
    "disconnect": "disconnect {camera}",
    "faults": "switch the faults of {camera}",
    "hand-over": "hand over the session of {camera}",
    "new-clip": "begin a new clip of {camera}",
    "record": "record {camera}",
    "release": "release {camera}",
    "remove": "remove {camera}",
    "settings": "change the settings of {camera}",
    "start": "start a session on {camera}",
    "stop": "stop the session of {camera}",
    "stop-recording": "stop the recording of {camera}",
    "take": "take {camera}",
}
"""Command -> the phrase for an attempt, with a place for the camera's id."""
REPEAT_INTERVAL = timedelta(minutes=1)
"""The same refusal of the same person is not recorded again within this time."""


def command_data(order: str, arguments: dict[str, Any], outcome: str) -> dict[str, Any]:
    """The data of a command's event."""
    return {"order": order, "arguments": arguments, "outcome": outcome}


def record_desired_change(
    camera: Camera, order: str, did: str, actor: str, arguments: dict[str, Any], *, kind: str = "command",
    subject: object = "",
) -> Event:  # fmt: skip
    """Call it in the transaction that stores the desired state. `did` follows the actor's name in the message."""
    return record_event(
        kind, join_sentences([actor or "Someone", did]), camera=camera, subject=subject, actor=actor,
        data=command_data(order, arguments, DESIRED),
    )  # fmt: skip


@contextmanager
def record_outcome(event: Event) -> Iterator[None]:
    """Record the outcome of the command in `event`: `command.done`, or `command.failed` with the problem's type. It is
    an event of its own, because events are never changed."""
    try:
        yield
    except UNREACHED as error:
        message = join_sentences([event.sentence, str(error)])
        _record_failure(message, event.camera_refs, event.actor, _outcome_data(event, problem_of(error)), event.subject)
        raise
    with _log_database_errors():
        record_event(
            "command.done",
            join_sentences(["Done:", event.sentence]),
            camera=event.camera_refs,
            subject=event.subject,
            actor=event.actor,
            data=_outcome_data(event, DONE),
        )


@contextmanager
def record_failures(camera: Camera, order: str, actor: str, arguments: dict[str, Any]) -> Iterator[None]:
    """For a command that is not stored: record an event when it does not reach the camera."""
    try:
        yield
    except UNREACHED as error:
        message = join_sentences([failure_sentence(order, camera, actor), str(error)])
        _record_failure(message, camera, actor, command_data(order, arguments, problem_of(error)))
        raise


def problem_of(error: ControlError | BrokerDown) -> str:
    return error.problem if isinstance(error, ControlError) else "broker-down"


def _outcome_data(event: Event, outcome: str) -> dict[str, Any]:
    return {**event.data, "outcome": outcome, "event": str(event.pk)}


def _record_failure(message: str, camera: Cameras, actor: str, data: dict[str, Any], subject: str = "") -> None:
    with _log_database_errors():
        record_event(
            "command.failed", message, severity="warning", camera=camera, actor=actor, data=data, subject=subject
        )


@contextmanager
def _log_database_errors() -> Iterator[None]:
    """Log a database error and go on: the command's answer does not depend on its event."""
    try:
        # In a caller's transaction this is a savepoint: after an error, PostgreSQL refuses all further statements of a
        # transaction that is not rolled back to one.
        with transaction.atomic():
            yield
    except DatabaseError as error:
        log.warning("The outcome of a command cannot be written: %s", error)


def failure_sentence(order: str, camera: Camera, actor: str) -> Sentence:
    """`ben could not take a picture with sky.`"""
    attempt = ATTEMPT_PHRASES.get(order, f"{order} {{camera}}")
    return sentence("{who} could not {attempt}.", who=actor or "Someone", attempt=sentence(attempt, camera=camera))


@contextmanager
def record_refusals(camera: Camera, order: str, actor: str, arguments: dict[str, Any] | None = None) -> Iterator[None]:
    """Record an event when the command is refused because another user holds the camera. Enter it outside of the
    transaction."""
    try:
        yield
    except CommandRefused as error:
        # Outside of the transaction, as the error rolls that back: an event inside it would be lost with it.
        _record_refusal(error, camera, order, actor, arguments or {})
        raise


def _record_refusal(error: CommandRefused, camera: Camera, order: str, actor: str, arguments: dict[str, Any]) -> None:
    # No lock: two refusals of the same moment may both be written, which only costs a line.
    same = Event.objects.filter(
        kind="command", camera_uuid=str(camera.id), actor=actor, at__gte=timezone.now() - REPEAT_INTERVAL
    )
    # A program that tries fifty times a second must not fill the event log.
    if same.filter(data__order=order, data__outcome=error.problem).exists():
        return
    record_event(
        "command",
        join_sentences([failure_sentence(order, camera, actor), str(error)]),
        severity="warning",
        camera=camera,
        actor=actor,
        data=command_data(order, arguments, error.problem),
    )
