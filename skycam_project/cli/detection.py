"""What is attached to this machine.

Each kind is asked in a process of its own: a vendor's library may hang or crash.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

from cameras.drivers import DRIVERS

PATIENCE_S = 20.0
PASSED = ("PATH", "HOME", "LANG", "TZ", "LD_LIBRARY_PATH", "PIXELINK_SDK_LIB", "VCAMERADIR", "IOLIBS", "CAMLIBS")
QUESTION = """
import json, sys
from cameras.drivers import driver_class
print(json.dumps(driver_class(sys.argv[1]).detect()))
"""


def detected(host: str) -> dict[str, Any]:
    """`host`, `results` (one object for each camera), and `problems`: a sentence for each kind that failed."""
    asked = {kind: ask(kind) for kind in DRIVERS}
    results: list[dict[str, str]] = []
    problems: dict[str, str] = {}
    for kind, process in asked.items():
        try:
            results += [described(kind, camera) for camera in taken(process)]
        except DetectionFailed as error:
            problems[kind] = str(error)
    return {"host": host, "results": results, "problems": problems}


def described(kind: str, camera: dict[str, str]) -> dict[str, str]:
    found = {name: camera.get(name, "") for name in ("address", "model", "serial")}
    return {"kind": kind, "label": DRIVERS[kind][0], **found}


class DetectionFailed(Exception):
    """A kind could not be asked; the message says why."""


def ask(kind: str) -> subprocess.Popen[str]:
    environment = {name: os.environ[name] for name in PASSED if name in os.environ}
    command = [sys.executable, "-c", QUESTION, kind]
    return subprocess.Popen(
        command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def taken(process: subprocess.Popen[str]) -> list[dict[str, str]]:
    """What the process found; DetectionFailed, also when it hangs."""
    try:
        answer, complaint = process.communicate(timeout=PATIENCE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise DetectionFailed(f"Its library did not answer within {PATIENCE_S:g} s.") from None
    if process.returncode != 0:
        raise DetectionFailed((complaint.strip().splitlines() or [f"It ended with status {process.returncode}."])[-1])
    found: list[dict[str, str]] = json.loads(answer.splitlines()[-1])
    return found
