"""Before the parts start: migrations and the first start, `python -m skycam_project.launch.prepare FD`.

The answer goes to FD as JSON and not to standard output, because that ends up in a log.
"""

from __future__ import annotations

import json
import os
import sys

import django
from django.conf import settings

from skycam_project.config.database import keep_private


def migrate() -> None:
    from django.core.management import call_command
    from django.db import connection
    from django.db.migrations.executor import MigrationExecutor

    executor = MigrationExecutor(connection)
    steps = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if steps:
        print(f"applying {len(steps)} migrations", flush=True)
        call_command("migrate", interactive=False, verbosity=0)


def main(fd: int) -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "skycam_project.settings")
    django.setup()
    keep_private(settings.DATABASES["default"])
    migrate()
    from skycam_project.launch.firststart import first_start

    answer = first_start(settings.STATION.admin_password)
    os.write(fd, json.dumps(answer).encode())


if __name__ == "__main__":
    main(int(sys.argv[1]))
