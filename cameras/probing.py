"""What is attached to this machine. Django-free.

Each kind is asked in a process of its own: a vendor's library may hang or crash.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Collection, Mapping
from typing import Any

from cameras.drivers import DRIVERS

PATIENCE_S = 10.0
END_S = 0.5
QUESTION = """
import json, sys
from cameras.drivers import driver_class
from cameras.drivers.base import CameraError
try:
    found = driver_class(sys.argv[1]).detect(frozenset(sys.argv[2:]))
except (CameraError, ImportError, OSError) as error:
    sys.exit(str(error))
print(json.dumps(found))
"""
FIELDS = ("address", "model", "serial", "held_by")


class ProbeFailed(Exception):
    """A kind could not be asked; the message says why."""


def probed(environment: Mapping[str, str], held: Collection[str] = ()) -> dict[str, Any]:
    """`results`: kind, label and FIELDS of each camera; `problems`: a sentence for each kind that failed. What is at a
    place in `held` is listed and not opened. Takes a little more than PATIENCE_S at most."""
    asked = {kind: ask(kind, environment, held) for kind in DRIVERS}
    until = time.monotonic() + PATIENCE_S
    results: list[dict[str, str]] = []
    problems: dict[str, str] = {}
    for kind, process in asked.items():
        try:
            results += [described(kind, camera) for camera in taken(process, until)]
        except ProbeFailed as error:
            problems[kind] = str(error)
    return {"results": results, "problems": problems}


def described(kind: str, camera: Mapping[str, str]) -> dict[str, str]:
    return {"kind": kind, "label": DRIVERS[kind][0], **{name: camera.get(name, "") for name in FIELDS}}


def ask(kind: str, environment: Mapping[str, str], held: Collection[str]) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", QUESTION, kind, *held]
    return subprocess.Popen(
        command, env=dict(environment), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, cwd=os.path.dirname(os.path.dirname(os.path.abspath(__file__))),
    )  # fmt: skip


def taken(process: subprocess.Popen[str], until: float) -> list[dict[str, str]]:
    """What the process found; ProbeFailed, also when it hangs beyond `until` (of time.monotonic())."""
    try:
        answer, complaint = process.communicate(timeout=max(END_S, until - time.monotonic()))
    except subprocess.TimeoutExpired:
        end(process)
        raise ProbeFailed(f"Its library did not answer within {PATIENCE_S:g} s.") from None
    if process.returncode != 0:
        raise ProbeFailed((complaint.strip().splitlines() or [f"It ended with status {process.returncode}."])[-1])
    try:
        found: list[dict[str, str]] = json.loads(answer.splitlines()[-1])
    except (ValueError, IndexError):
        raise ProbeFailed("Its library broke off before it had answered.") from None
    return found


def end(process: subprocess.Popen[str]) -> None:
    """One that waits in the kernel, for a device, ends when it can, and is not waited for."""
    process.kill()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.communicate(timeout=END_S)
