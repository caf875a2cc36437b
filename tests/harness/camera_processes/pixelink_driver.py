"""A PixeLink camera's driver in its own process.

The path of the SDK is fixed when a process starts, and a hang in the SDK must not end pytest.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.harness.project import PROJECT
from tests.harness.waiting import PATIENCE_S

PRELUDE = """
import json, subprocess, sys, time
from cameras.drivers.base import CameraError, ExposureRequest, SystemClock
from cameras.drivers.pixelink import PixelinkDriver

clock = SystemClock()
soon = lambda: clock.monotonic() + 10
driver = PixelinkDriver("", clock)
report = lambda value: print(json.dumps(value), flush=True)

def failure(call, *arguments):
    try:
        call(*arguments)
    except CameraError as error:
        return {"message": str(error), "reason": error.reason, "before_shutter": error.before_shutter}
"""


def run_script(environment: dict[str, str], script: str) -> Any:
    """Run the script and return its last report. Any exit but a clean one is an error that shows its output."""
    with running(environment, script) as process:
        output, errors = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, errors
    return json.loads(output.splitlines()[-1])


@contextmanager
def running(environment: dict[str, str], script: str) -> Iterator[subprocess.Popen[str]]:
    """Run the script in a process that is killed at the end, in `/`, where the wrapper finds nothing by chance."""
    with subprocess.Popen(
        [sys.executable, "-W", "error", "-c", f"{PRELUDE}\n{script}"],
        cwd=environment.get("PIXELINK_SDK_LIB") if Path(environment.get("PIXELINK_SDK_LIB", "")).is_dir() else "/",
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(PROJECT), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()
