"""A PixeLink camera's driver in a process of its own, because how the SDK is found is settled when a process starts,

and a hang in it must not take pytest with it.
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

REPOSITORY = Path(__file__).resolve().parents[3]

PRELUDE = """
import json, subprocess, sys, time
from cameras.drivers.base import CameraError, ExposureRequest, SystemClock
from cameras.drivers.pixelink import PixelinkDriver

clock = SystemClock()
soon = lambda: clock.monotonic() + 10
driver = PixelinkDriver("", clock)
say = lambda value: print(json.dumps(value), flush=True)

def failure(call, *arguments):
    try:
        call(*arguments)
    except CameraError as error:
        return {"message": str(error), "reason": error.reason, "before_shutter": error.before_shutter}
"""


def says(environment: dict[str, str], script: str) -> Any:
    """What the script last said, as JSON; anything but a clean exit is an error with its output."""
    with running(environment, script) as process:
        output, errors = process.communicate(timeout=30)
    assert process.returncode == 0, errors
    return json.loads(output.splitlines()[-1])


@contextmanager
def running(environment: dict[str, str], script: str) -> Iterator[subprocess.Popen[str]]:
    """The script in a process that is killed at the end. It runs in `/`, where the wrapper finds nothing by chance."""
    with subprocess.Popen(
        [sys.executable, "-W", "error", "-c", f"{PRELUDE}\n{script}"],
        cwd=environment.get("PIXELINK_SDK_LIB") if Path(environment.get("PIXELINK_SDK_LIB", "")).is_dir() else "/",
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(REPOSITORY), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()
