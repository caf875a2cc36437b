"""A host's jobs workers with the tests' kinds: `python -m tests.harness.jobs.worker_process HOST`. SIGTERM ends it."""

from __future__ import annotations

import signal
import sys
import threading

import django

django.setup()

from core.jobs import tables  # noqa: E402
from core.jobs.attempt import JobTimes  # noqa: E402
from core.jobs.tables import Lane  # noqa: E402
from core.jobs.worker import JobsWorker  # noqa: E402
from tests.harness.jobs.builders import kind_named  # noqa: E402
from tests.harness.waiting import PATIENCE_S  # noqa: E402

KINDS = {"count_to_the_end": Lane.LONG, "ignore_stop": Lane.LONG, "wait_for_stop": Lane.SHORT}
for name, lane in KINDS.items():
    tables.JOB_KINDS[name] = kind_named(name, max_attempts=50, lane=lane)
stopping = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: stopping.set())
workers = [JobsWorker(sys.argv[1], JobTimes(poll_s=0.1, write_interval_s=0.2), lane) for lane in Lane]
for worker in workers:
    worker.start()
stopping.wait()
for worker in workers:
    worker.stop(PATIENCE_S)
