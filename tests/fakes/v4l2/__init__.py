"""A USB camera for tests: `device.c`, preloaded into a Python of its own, answers for /dev/video9."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent


def build(folder: Path) -> Path:
    library = folder / "v4l2.so"
    command = ["gcc", "-shared", "-fPIC", "-O1", "-o", str(library), str(HERE / "device.c"), "-ldl"]
    subprocess.run(command, check=True, timeout=60)
    return library


def play(scenario: str, library: Path, device: Path) -> Any:
    """What the function `scenario` of `scenarios.py` returns, run beside the camera `device`."""
    device.touch()
    environment = os.environ | {"LD_PRELOAD": str(library), "FAKE_V4L2": str(device)}
    command = [sys.executable, "-m", "tests.fakes.v4l2.scenarios", scenario]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
