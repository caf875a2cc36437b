"""The Celery application: `celery -A skycam_project worker -n NAME` is a camera host (celery_worker.py)."""

from __future__ import annotations

import os
import sys
import warnings
from typing import Any

from celery import Celery, signals
from celery.exceptions import SecurityWarning

from skycam_project import celery_worker

warnings.simplefilter("ignore", SecurityWarning)  # about root and pickle: tasks use only JSON
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "skycam_project.settings")
# Django's system checks load every driver's library: 50 MB, and seconds.
os.environ.setdefault("CELERY_SKIP_CHECKS", "true")
celery_worker.adopt_name(sys.argv[1:])

app = Celery("skycam")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.beat_max_loop_interval = 10
app.autodiscover_tasks()
app.autodiscover_tasks(["skycam_project.backups"])


def replace_broken_connections(**_: Any) -> None:
    """Tasks on a thread share its database connection; a broken one is replaced before the next task."""
    from django.db import close_old_connections

    close_old_connections()


signals.task_prerun.connect(replace_broken_connections)
celery_worker.connect(app)
