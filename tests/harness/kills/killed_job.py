"""Programs of this package that end at a failpoint. Their libraries are imported already: of a second that each would
need to start, a quarter is left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

from tests.harness.processes.preloaded import Preloaded, can_be_preloaded
from tests.harness.project import PROJECT
from tests.harness.waiting import PATIENCE_S

KILLED = -signal.SIGKILL
# Not the station's own modules: those read its settings, which are of the process.
PRELOADED = Preloaded(
    "skycam_project.config", "django.test", "django.contrib.postgres.fields", "psycopg", "redis.asyncio", "celery",
    "jinja2", "numpy", "cv2", "PIL.Image", "boto3",
)  # fmt: skip


def exit_status(program: str, *arguments: object) -> int:
    """Of `python -m tests.harness.kills.PROGRAM ARGUMENTS`, on the database of the run."""
    module, words = f"tests.harness.kills.{program}", [str(one) for one in arguments]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    if not can_be_preloaded(environment):
        command = [sys.executable, "-m", module, *words]
        return subprocess.run(command, cwd=PROJECT, env=environment, timeout=PATIENCE_S, check=False).returncode
    process = PRELOADED.start(module, *words, environment=environment)
    try:
        return process.wait(PATIENCE_S)
    finally:
        process.kill()
        for pipe in (process.stdin, process.stdout):
            pipe.close()
