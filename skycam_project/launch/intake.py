"""Makes events and alerts of what the launcher noted, and of this machine's health: in the worker.

What the launcher noted also by `python -m skycam_project.launch.intake`, once, which the launcher runs while the worker
is away. A database that is away is tried again.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from pathlib import Path

from skycam_project.launch import journal
from skycam_project.launch.crash_loops import report_crash_loops
from skycam_project.launch.paths import run_folder

logger = logging.getLogger(__name__)
EVERY_S = 2.0
HEALTH_EVERY_S = 60.0


def start_intake_thread() -> threading.Thread:
    from django.conf import settings

    thread = threading.Thread(target=_run, args=(run_folder(settings.STATION),), name="intake", daemon=True)
    thread.start()
    return thread


def take_in_all(folder: Path) -> None:
    """Raises DatabaseError, OSError, and ValueError or KeyError for a note that is none."""
    journal.take_in(folder)
    report_crash_loops(folder)


def _run(folder: Path) -> None:
    from django.db import DatabaseError, close_old_connections

    from monitoring.tasks import check_host

    looked_at = -HEALTH_EVERY_S
    while True:
        try:
            take_in_all(folder)
            if time.monotonic() - looked_at >= HEALTH_EVERY_S:
                looked_at = time.monotonic()
                check_host()
        except (DatabaseError, OSError, ValueError, KeyError) as error:
            logger.warning("Restarts of parts are not in the event log yet: %s", error)
        close_old_connections()
        time.sleep(EVERY_S)


def main() -> None:
    """Once. It makes no database where there is none: a machine that runs a broker alone has none to tell."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "skycam_project.settings")
    import django
    from django.conf import settings
    from django.db import DatabaseError

    django.setup()
    database = settings.DATABASES["default"]
    if database["ENGINE"].endswith("sqlite3") and not Path(database["NAME"]).exists():
        return
    try:
        take_in_all(run_folder(settings.STATION))
    except DatabaseError as error:
        logger.warning("Restarts of parts are not in the event log yet: %s", error)


if __name__ == "__main__":
    main()
