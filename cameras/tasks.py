"""Commands to cameras as Celery tasks, for other programs. docs/clients/tasks.md is their contract.

Each is the request of the API: the same arguments, authorisation, errors and answer. The id of the task is the key by
which a repetition is recognised, so a message that arrives twice is carried out once.
"""

from __future__ import annotations

import json
from typing import Any, TypedDict
from urllib.parse import quote

from celery import Task, shared_task
from celery.exceptions import Ignore
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import slug_re

from cameras.commands.control import check_reachable
from cameras.errors import UNREACHED, HostDown, TooSlow
from cameras.models import Camera
from cameras.status.status import read_heartbeats
from core.api import internal
from core.api.exceptions import problem_of
from core.broker import broker
from core.broker.queues import camera_queue
from core.idempotency.claims import HEADER
from core.outages import DATABASE_AWAY

AUTHORIZATION = "authorization"
"""The header of the message with the token. Not an argument: those are shown by `celery inspect` and flower."""
MOST_AHEAD_S = 600
AGAIN_S = 1.0
RUNNING = "/problems/idempotency-running"
# `max_retries`: the deadline ends them.
OPTIONS: dict[str, Any] = {"bind": True, "ignore_result": False, "max_retries": None}


class Outcome(TypedDict):
    """What the API answers: `status` of HTTP, and its `body`."""

    status: int
    body: Any


@shared_task(name="cameras.capture", **OPTIONS)
def capture(task: Task, camera: Any, deadline_ms: Any = None, arguments: Any = None) -> Outcome:
    """Take one picture: `POST cameras/{camera}/capture/`. `deadline_ms` is in Redis TIME."""
    return run(task, camera, "capture", deadline_ms, arguments)


@shared_task(name="cameras.start_session", **OPTIONS)
def start_session(task: Task, camera: Any, deadline_ms: Any = None, arguments: Any = None) -> Outcome:
    """`POST cameras/{camera}/start/`."""
    return run(task, camera, "start", deadline_ms, arguments)


@shared_task(name="cameras.stop_session", **OPTIONS)
def stop_session(task: Task, camera: Any, deadline_ms: Any = None, arguments: Any = None) -> Outcome:
    """`POST cameras/{camera}/stop/`."""
    return run(task, camera, "stop", deadline_ms, arguments)


@shared_task(name="cameras.record", **OPTIONS)
def record(task: Task, camera: Any, deadline_ms: Any = None, arguments: Any = None) -> Outcome:
    """Start recording: `POST cameras/{camera}/record/`."""
    return run(task, camera, "record", deadline_ms, arguments)


@shared_task(name="cameras.stop_recording", **OPTIONS)
def stop_recording(task: Task, camera: Any, deadline_ms: Any = None, arguments: Any = None) -> Outcome:
    """`POST cameras/{camera}/stop-recording/`."""
    return run(task, camera, "stop-recording", deadline_ms, arguments)


def run(task: Task, camera: Any, action: str, deadline_ms: Any, arguments: Any) -> Outcome:
    """The outcome of the command on this host; Ignore when another host was sent it."""
    path = f"/api/v1/cameras/{quote(str(camera), safe='', errors='replace')}/{action}/"
    try:
        check_deadline(deadline_ms)
        route_to_host(task, camera)
    except (ValidationError, *UNREACHED, *DATABASE_AWAY) as error:
        problem = problem_of(error)
        if problem is None:
            raise
        response = problem.response(path)
        return Outcome(status=response.status_code, body=json.loads(response.content))
    status, body = internal.post(path, {} if arguments is None else arguments, headers_of(task))
    if status == 409 and body["type"] == RUNNING:
        # Celery keeps the first outcome of a task, which must be that of the message that runs. On this host, whose
        # clock alone decides when a second is over.
        raise task.retry(queue=camera_queue(settings.STATION.host), countdown=AGAIN_S)
    return Outcome(status=status, body=body)


def check_deadline(deadline_ms: Any) -> None:
    """ValidationError without a deadline, or with one too far away; TooSlow after it. BrokerDown."""
    if type(deadline_ms) is not int:
        message = "Send the time until which the command may begin, in milliseconds of the broker's TIME."
        raise ValidationError({"deadline_ms": message})
    with broker.reachable() as server:
        remaining_s = (deadline_ms - broker.time_ms(server)) / 1000
    if remaining_s > MOST_AHEAD_S:
        message = f"Send a deadline of at most {MOST_AHEAD_S} s from now, by the broker's TIME."
        raise ValidationError({"deadline_ms": message})
    if remaining_s <= 0:
        raise TooSlow(f"This message came {-remaining_s:.0f} s after its deadline and was not carried out.")


def route_to_host(task: Task, camera: Any) -> None:
    """Send the command on to the camera's host, unless that is this one, or is away: then the API says so from here.
    Ignore when it was sent, Retry while the cameras of this host start."""
    if not isinstance(camera, str) or not slug_re.match(camera):
        return
    found = Camera.objects.present().filter(slug=camera).first()
    if found is None:
        return
    if found.host == settings.STATION.host:
        wait_for_cameras(task, found.host)
        return
    try:
        check_reachable(found)
    except HostDown:
        return
    task.signature_from_request(queue=camera_queue(found.host)).apply_async()
    # It has no outcome yet: a state that is stored here could replace the one of the host.
    raise Ignore


def wait_for_cameras(task: Task, host: str) -> None:
    """A message that waited for this host arrives before its cameras part runs. Retry until then; the deadline ends
    that."""
    waited = task.request.delivery_info.get("routing_key") == camera_queue(host)
    if waited and read_heartbeats([host])[host] is None:
        raise task.retry(queue=camera_queue(host), countdown=AGAIN_S)


def headers_of(task: Task) -> dict[str, str]:
    # A header of the message may have any type, and any character.
    token = (task.request.headers or {}).get(AUTHORIZATION)
    authorization = {"Authorization": token} if isinstance(token, str) and token.isascii() else {}
    return {HEADER: str(task.request.id), **authorization}
