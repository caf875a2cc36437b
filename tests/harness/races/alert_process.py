"""An alert is raised while another process resolves it, on the database of DATABASE_URL. Prints the states of its rows
as JSON, the oldest first."""

from __future__ import annotations

import json
import os
import sys
import threading

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "skycam_project.settings"
django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import transaction  # noqa: E402

from core.events.models import Alert  # noqa: E402
from core.events.service import raise_alert, resolve_alert  # noqa: E402
from tests.harness.races.hold_process import wait_for_a_blocked_transaction  # noqa: E402
from tests.harness.waiting import PATIENCE_S  # noqa: E402

KEY = "storage.full:a"


def raise_while_it_is_resolved() -> None:
    """It is raised again while its resolution is not committed yet."""
    raise_alert(KEY, "The disk is full.", camera=None)
    second = threading.Thread(target=raise_alert, args=(KEY, "The disk is full again."), kwargs={"camera": None})
    with transaction.atomic():
        resolve_alert(KEY)
        second.start()
        wait_for_a_blocked_transaction()
    second.join(PATIENCE_S)


if __name__ == "__main__":
    call_command("migrate", verbosity=0)
    raise_while_it_is_resolved()
    json.dump(list(Alert.objects.filter(key=KEY).order_by("opened_at").values_list("state", flat=True)), sys.stdout)
