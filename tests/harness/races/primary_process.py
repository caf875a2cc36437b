"""Two cameras are made primary at the same moment, on the database of DATABASE_URL. Prints as JSON the errors of the
second change and which cameras are primary."""

from __future__ import annotations

import json
import os
import sys
import threading

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "skycam_project.settings"
django.setup()

from django.core.exceptions import ValidationError  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import transaction  # noqa: E402

from cameras.models import Camera  # noqa: E402
from tests.harness.races.hold_process import wait_for_a_blocked_transaction  # noqa: E402
from tests.harness.rows.cameras import change_camera  # noqa: E402
from tests.harness.waiting import PATIENCE_S  # noqa: E402


def make_two_primary() -> dict[str, list[str]]:
    """The second change comes while the first one is not committed yet."""
    Camera.objects.create(slug="dome", name="Dome", kind="simulated", host="main", primary=True)
    sky, sea = (Camera.objects.create(slug=slug, name=slug, kind="simulated", host="main") for slug in ("sky", "sea"))
    errors: dict[str, list[str]] = {}

    def make_sea_primary() -> None:
        try:
            change_camera(sea, {"primary": True})
        except ValidationError as error:
            errors.update(error.message_dict)

    second = threading.Thread(target=make_sea_primary)
    with transaction.atomic():
        change_camera(sky, {"primary": True})
        second.start()
        wait_for_a_blocked_transaction()
    second.join(PATIENCE_S)
    return errors


if __name__ == "__main__":
    call_command("migrate", verbosity=0)
    found = {"errors": make_two_primary()}
    json.dump({**found, "primary": [one.slug for one in Camera.objects.filter(primary=True)]}, sys.stdout)
