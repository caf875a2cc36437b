"""Two managers repeatedly remove or demote each other at the same time, on the database of the environment.

Prints the remaining managers after each round as JSON.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Callable

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "skycam_project.settings"
django.setup()

from django.core.exceptions import ValidationError  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402

from skycam_project.access import accounts  # noqa: E402
from skycam_project.access.models import User  # noqa: E402
from tests.harness.waiting import PATIENCE_S  # noqa: E402

ROUNDS = 20
Change = Callable[[User, str], object]


def remove(user: User, actor: str) -> None:
    accounts.remove_user(user, actor=actor)


def demote(user: User, actor: str) -> None:
    accounts.change_user(user, role="viewer", actor=actor)


def at_once(change: Change) -> list[str]:
    User.objects.all().delete()
    people = [User.objects.create_user(username=name, role="manager") for name in ("ada", "bob")]
    start = threading.Barrier(2)

    def run(victim: User, actor: str) -> None:
        connection.ensure_connection()
        start.wait(PATIENCE_S)
        try:
            change(victim, actor)
        except ValidationError:
            pass  # the last manager stays
        finally:
            connection.close()

    threads = [
        threading.Thread(target=run, args=(people[1], "ada")),
        threading.Thread(target=run, args=(people[0], "bob")),
    ]
    [thread.start() for thread in threads]
    [thread.join(PATIENCE_S) for thread in threads]
    return list(User.objects.filter(role="manager").values_list("username", flat=True))


if __name__ == "__main__":
    call_command("migrate", verbosity=0)
    changes: list[Change] = [remove, demote]
    json.dump([at_once(changes[number % 2]) for number in range(ROUNDS)], sys.stdout)
