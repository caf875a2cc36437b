"""Commands to cameras as Celery tasks, for other programs. docs/clients/tasks.md is their contract.

Each is the request of the API: the same arguments, authorisation, errors and answer. The id of the task is the key by
which a repetition is recognised, so a message that arrives twice is carried out once.
"""

from __future__ import annotations

import json
from typing import Any, TypedDict
from urllib.parse import quote

from celery import Task, shared_task

from cameras.models import Camera
from core.api import internal
from core.api.problems import ErrorBody, invalid
from core.broker.queues import camera_queue
from core.idempotency.keys import HEADER

OPTIONS: dict[str, Any] = {
    "bind": True,
    "ignore_result": False,
    # A host that ends meanwhile leaves the message in the broker, which delivers it again.
    "acks_late": True,
}
AUTHORIZATION = "authorization"
"""The header of the message with the token. Not an argument: those are shown by `celery inspect` and flower."""


class Outcome(TypedDict):
    """What the API answers: `status` of HTTP, and its `body`."""

    status: int
    body: Any


@shared_task(name="cameras.capture", **OPTIONS)
def capture(task: Task, camera: str, arguments: dict[str, Any] | None = None) -> Outcome:
    """Take one picture: `POST cameras/{camera}/capture/`."""
    return request(task, camera, "capture", arguments)


@shared_task(name="cameras.start_session", **OPTIONS)
def start_session(task: Task, camera: str, arguments: dict[str, Any] | None = None) -> Outcome:
    """`POST cameras/{camera}/start/`."""
    return request(task, camera, "start", arguments)


@shared_task(name="cameras.stop_session", **OPTIONS)
def stop_session(task: Task, camera: str, arguments: dict[str, Any] | None = None) -> Outcome:
    """`POST cameras/{camera}/stop/`."""
    return request(task, camera, "stop", arguments)


@shared_task(name="cameras.record", **OPTIONS)
def record(task: Task, camera: str, arguments: dict[str, Any] | None = None) -> Outcome:
    """Start or stop recording: `POST cameras/{camera}/record/`."""
    return request(task, camera, "record", arguments)


def request(task: Task, camera: str, what: str, arguments: dict[str, Any] | None) -> Outcome:
    path = f"/api/v1/cameras/{quote(str(camera), safe='')}/{what}/"
    # Without a deadline the message could wait for hours, for a host that is away.
    if task.request.expires is None:
        message = "Send the command with a deadline, for example `expires=30` (seconds)."
        refused = invalid([ErrorBody(field="expires", message=message)]).response(path)
        return Outcome(status=refused.status_code, body=json.loads(refused.content))
    # Not str(): a header of the message may have any type.
    token = (task.request.headers or {}).get(AUTHORIZATION)
    headers = {HEADER: str(task.request.id)} | ({"Authorization": token} if isinstance(token, str) else {})
    status, body = internal.post(path, {} if arguments is None else arguments, headers)
    return Outcome(status=status, body=body)


def route(name: str, _args: Any, kwargs: Any, _options: Any, **_: Any) -> dict[str, str] | None:
    """Celery's router: the queue of the camera's host. None for other tasks, and for a camera that does not exist."""
    if not name.startswith("cameras.") or "camera" not in (kwargs or {}):
        return None
    host = Camera.objects.filter(slug=kwargs["camera"], removed_at=None).values_list("host", flat=True).first()
    return {"queue": camera_queue(host)} if host else None
