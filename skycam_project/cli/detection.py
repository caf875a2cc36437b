"""What is attached to this machine.

Each kind is asked in a process of its own: a vendor's library may hang or crash.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field

from cameras.drivers import DRIVERS

PATIENCE_S = 20.0
PASSED = ("PATH", "HOME", "LANG", "TZ", "LD_LIBRARY_PATH", "PIXELINK_SDK_LIB", "VCAMERADIR", "IOLIBS", "CAMLIBS")
QUESTION = """
import json, sys
from cameras.drivers import driver_class
print(json.dumps(driver_class(sys.argv[1]).detect()))
"""


@dataclass
class Detected:
    cameras: list[dict[str, str]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    """A sentence for each kind that could not be asked."""


def detected() -> Detected:
    found = Detected()
    asked = {kind: ask(kind) for kind in DRIVERS}
    for kind, process in asked.items():
        take(found, kind, process)
    return found


def ask(kind: str) -> subprocess.Popen[str]:
    environment = {name: os.environ[name] for name in PASSED if name in os.environ}
    command = [sys.executable, "-c", QUESTION, kind]
    return subprocess.Popen(
        command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def take(found: Detected, kind: str, process: subprocess.Popen[str]) -> None:
    try:
        answer, complaint = process.communicate(timeout=PATIENCE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        found.problems.append(f"{kind}: its library did not answer within {PATIENCE_S:g} s.")
        return
    if process.returncode == 0:
        found.cameras += [{"kind": kind, **camera} for camera in json.loads(answer.splitlines()[-1])]
    else:
        last = (complaint.strip().splitlines() or [f"it ended with status {process.returncode}"])[-1]
        found.problems.append(f"{kind}: {last}")
