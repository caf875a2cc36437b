"""Requests with an Idempotency-Key, each several times at once, on the database of DATABASE_URL: `TIMES`.

Prints as JSON how many rows were created, with which statuses, and the status of a repetition after a kill; and how
many keys were removed after a day.
"""

from __future__ import annotations

import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "skycam_project.settings"
django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connections  # noqa: E402
from django.db.models import F  # noqa: E402
from rest_framework.test import APIClient  # noqa: E402

from cameras.models import Camera  # noqa: E402
from captures.models import Capture  # noqa: E402
from core.idempotency.claims import remove_requests  # noqa: E402
from core.idempotency.models import IdempotentRequest  # noqa: E402
from scheduler.models import Schedule  # noqa: E402
from skycam_project.access.models import User  # noqa: E402
from tests.harness.rows.keyed_requests import interrupt  # noqa: E402

BODY = {
    "name": "Dark sky", "cameras": ["sky"], "window": {"sun": "astronomical"},
    "programme": {"exposure_us": 8_000_000, "cadence_s": 12},
}  # fmt: skip


REQUESTS: dict[str, tuple[str, Any, Any]] = {
    "schedules": ("/api/v1/schedules/", BODY, Schedule),
    "captures": ("/api/v1/cameras/sky/capture/", {}, Capture),
}


def send(user: User, name: str) -> int:
    client = APIClient(SERVER_NAME="localhost")
    client.force_authenticate(user)
    path, body, _ = REQUESTS[name]
    try:
        return int(client.post(path, body, headers={"idempotency-key": name}).status_code)
    finally:
        connections.close_all()


def race(user: User, name: str, times: int) -> dict[str, Any]:
    with ThreadPoolExecutor(times) as clients:
        statuses = list(clients.map(lambda _: send(user, name), range(times)))
    interrupt(name)
    again = send(user, name)
    return {"created": REQUESTS[name][2].objects.count(), "statuses": sorted(set(statuses)), "after a kill": again}


def run(times: int) -> dict[str, Any]:
    user = User.objects.create_user("ada", role="operator")
    Camera.objects.create(slug="sky", name="Sky", kind="simulated", host="main")
    found = {name: race(user, name, times) for name in REQUESTS}
    IdempotentRequest.objects.update(created_at=F("created_at") - timedelta(hours=25))
    return {**found, "removed": remove_requests()}


if __name__ == "__main__":
    call_command("migrate", verbosity=0)
    json.dump(run(int(sys.argv[1])), sys.stdout)
