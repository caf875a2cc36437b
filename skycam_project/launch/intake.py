"""In the worker: makes events of the restarts that the launcher noted. A database that is away is tried again."""

from __future__ import annotations

import logging
import threading
import time
from pathlib import Path

from django.conf import settings
from django.db import DatabaseError, close_old_connections

from skycam_project.launch import journal
from skycam_project.launch.paths import run_folder

logger = logging.getLogger(__name__)
EVERY_S = 2.0


def start_intake_thread() -> threading.Thread:
    thread = threading.Thread(target=_run, args=(run_folder(settings.STATION),), name="intake", daemon=True)
    thread.start()
    return thread


def _run(folder: Path) -> None:
    while True:
        try:
            journal.take_in(folder)
        except (DatabaseError, OSError, ValueError, KeyError) as error:
            logger.warning("Restarts of parts are not in the event log yet: %s", error)
        close_old_connections()
        time.sleep(EVERY_S)
