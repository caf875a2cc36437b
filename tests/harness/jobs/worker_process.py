"""A jobs worker with the kinds of the tests: `python -m tests.harness.jobs.worker_process HOST`. SIGTERM ends it."""

from __future__ import annotations

import signal
import sys
import threading

import django

django.setup()

from core.jobs import tables  # noqa: E402
from core.jobs.times import JobTimes  # noqa: E402
from core.jobs.worker import JobsWorker  # noqa: E402
from tests.harness.jobs.builders import kind_named  # noqa: E402
from tests.harness.waiting import PATIENCE_S  # noqa: E402

for name in ("count_to_the_end", "wait_for_stop", "ignore_stop"):
    tables.JOB_KINDS[name] = kind_named(name, max_attempts=50)
stopping = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: stopping.set())
found = JobsWorker(sys.argv[1], JobTimes(poll_s=0.1, write_interval_s=0.2))
found.start()
stopping.wait()
found.stop(PATIENCE_S)
