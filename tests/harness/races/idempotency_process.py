"""The same request with an Idempotency-Key several times at once, on the database of DATABASE_URL: `REQUESTS`.

Prints as JSON the statuses and the number of schedules, both again after a kill, and how many keys were removed after a
day.
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
from core.idempotency.models import IdempotentRequest  # noqa: E402
from core.idempotency.retention import remove_requests  # noqa: E402
from scheduler.models import Schedule  # noqa: E402
from skycam_project.access.models import User  # noqa: E402
from tests.harness.rows.keyed_requests import KEY, interrupt  # noqa: E402

BODY = {
    "name": "Dark sky", "cameras": ["sky"], "window": {"sun": "astronomical"},
    "programme": {"exposure_us": 8_000_000, "cadence_s": 12},
}  # fmt: skip


def send(user: User) -> int:
    client = APIClient(SERVER_NAME="localhost")
    client.force_authenticate(user)
    try:
        return int(client.post("/api/v1/schedules/", BODY, headers={"idempotency-key": KEY}).status_code)
    finally:
        connections.close_all()


def race(requests: int) -> dict[str, Any]:
    user = User.objects.create_user("ada", role="operator")
    Camera.objects.create(slug="sky", name="Sky", kind="simulated", host="main")
    with ThreadPoolExecutor(requests) as clients:
        statuses = list(clients.map(send, [user] * requests))
    schedules = Schedule.objects.count()
    interrupt()
    interrupted = send(user), Schedule.objects.count()
    IdempotentRequest.objects.update(created_at=F("created_at") - timedelta(hours=25))
    return {
        "statuses": [str(status) for status in statuses],
        "schedules": schedules,
        "interrupted": interrupted,
        "removed": remove_requests(),
    }


if __name__ == "__main__":
    call_command("migrate", verbosity=0)
    json.dump(race(int(sys.argv[1])), sys.stdout)
