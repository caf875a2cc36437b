"""Discovery of the cameras attached to this machine. Django-free.

Each kind runs in its own process, because a vendor's library may hang or crash.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from cameras.commands.messages import DiscoveredDevice
from cameras.drivers import DRIVERS

PROJECT = Path(__file__).resolve().parents[2]
TIMEOUT_S = 10.0
KILL_WAIT_S = 0.5
# The result is the last line of stdout, because vendors' libraries print there, too.
DISCOVERY_SCRIPT = """
import json, sys
from cameras.drivers import driver_class
from cameras.drivers.abilities import AttachedDevice
from cameras.drivers.base import CameraError
try:
    driver = driver_class(sys.argv[1])
    found = driver.discover(frozenset(sys.argv[2:])) if issubclass(driver, AttachedDevice) else []
except (CameraError, ImportError, OSError) as error:
    sys.exit(str(error))
print(json.dumps(found))
"""


@dataclass(frozen=True, slots=True)
class Devices:
    """What was discovered on this machine. `problems`: a sentence for each kind that failed."""

    results: list[DiscoveredDevice]
    problems: dict[str, str]


class DiscoveryFailed(Exception):
    """Discovery failed for a kind; the message says why."""


def discover_devices(environment: Mapping[str, str], held: Collection[str] = ()) -> Devices:
    """The devices of all kinds. Those at the locations in `held` are listed but not opened. Takes a little more than
    TIMEOUT_S at most."""
    # All at once and with one deadline: the search takes as long as its slowest kind, not the sum.
    processes = {kind: start_discovery(kind, environment, held) for kind in DRIVERS}
    until = time.monotonic() + TIMEOUT_S
    results: list[DiscoveredDevice] = []
    problems: dict[str, str] = {}
    for kind, process in processes.items():
        try:
            results += [device_fields(kind, camera) for camera in read_result(process, until)]
        except DiscoveryFailed as error:
            problems[kind] = str(error)
    return Devices(results, problems)


def device_fields(kind: str, found: Mapping[str, str]) -> DiscoveredDevice:
    return DiscoveredDevice(
        kind=kind, label=DRIVERS[kind][0], address=found.get("address", ""), model=found.get("model", ""),
        serial=found.get("serial", ""), held_by=found.get("held_by", ""),
    )  # fmt: skip


def start_discovery(kind: str, environment: Mapping[str, str], held: Collection[str]) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", DISCOVERY_SCRIPT, kind, *held]
    # The working directory is the project's folder because `python -c` imports from there.
    return subprocess.Popen(
        command, env=dict(environment), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, cwd=PROJECT,
    )  # fmt: skip


def read_result(process: subprocess.Popen[str], until: float) -> list[dict[str, str]]:
    """The cameras that the process found. DiscoveryFailed, also when it hangs beyond `until` (time.monotonic())."""
    try:
        # `communicate`, as a library that fills a pipe would never end by `wait`. When one kind has used up the time,
        # the others still get KILL_WAIT_S, since their results may have been waiting for long.
        answer, errors = process.communicate(timeout=max(KILL_WAIT_S, until - time.monotonic()))
    except subprocess.TimeoutExpired:
        kill_process(process)
        raise DiscoveryFailed(f"Its library did not answer within {TIMEOUT_S:g} s.") from None
    if process.returncode != 0:
        # Of a traceback the last line names the error.
        raise DiscoveryFailed((errors.strip().splitlines() or [f"It ended with status {process.returncode}."])[-1])
    try:
        found: list[dict[str, str]] = json.loads(answer.splitlines()[-1])
    except (ValueError, IndexError):
        raise DiscoveryFailed("Its library ended without an answer.") from None
    return found


def kill_process(process: subprocess.Popen[str]) -> None:
    """Kill the process. One that is stuck in the kernel ends when it can; no one waits for it."""
    process.kill()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.communicate(timeout=KILL_WAIT_S)
