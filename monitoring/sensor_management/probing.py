"""Runs `monitoring/sensors/probe.py` in a process that is killed at its deadline."""

from __future__ import annotations

import json
import os
import subprocess
from concurrent.futures import ThreadPoolExecutor

from core.jobs.children import kill_child, start_child
from core.outgoing import OutgoingGuard
from monitoring.sensors.driver import SensorDriver
from monitoring.sensors.kinds import SENSORS, driver_class
from monitoring.sensors.probe import FoundDevice, ProbeAnswer, ProbeRequest

MODULE = "monitoring.sensors.probe"
DETECT_S = 8.0
TEST_S = 15.0
KILL_AFTER_S = 4.0
"""After its own deadline: the start of a process on a busy machine, and a driver that is a little late."""
SEARCHED_AT_ONCE = 4


def open_once(kind: str, settings: dict[str, object], guard: OutgoingGuard) -> ProbeAnswer:
    """Open the driver once and read it. `settings` are complete, with secrets."""
    return run_probe(
        ProbeRequest(action="test", kind=kind, settings=settings, deadline_s=TEST_S, outgoing=guard.rules())
    )


def detect_devices(guard: OutgoingGuard) -> tuple[list[FoundDevice], dict[str, str]]:
    """The devices of all kinds at this machine, and kind -> a sentence for each search that failed."""
    kinds = [kind for kind in SENSORS if has_detection(kind)]
    requests = [
        ProbeRequest(action="detect", kind=kind, settings={}, deadline_s=DETECT_S, outgoing=guard.rules())
        for kind in kinds
    ]
    with ThreadPoolExecutor(SEARCHED_AT_ONCE, "sensor-detection") as pool:
        answers = dict(zip(kinds, pool.map(run_probe, requests), strict=True))
    devices = [device for answer in answers.values() for device in answer["devices"]]
    return devices, {kind: answer["message"] for kind, answer in answers.items() if answer["message"]}


def has_detection(kind: str) -> bool:
    return driver_class(kind).detect.__func__ is not SensorDriver.detect.__func__  # type: ignore[attr-defined]


def run_probe(request: ProbeRequest) -> ProbeAnswer:
    """Takes KILL_AFTER_S longer than the request's deadline at most."""
    limit_s = request["deadline_s"] + KILL_AFTER_S
    try:
        child = start_child(MODULE, str(os.getpid()))
    except OSError as error:
        return failed(f"Its process cannot be started ({error.strerror}).")
    with child:
        try:
            answer, _ = child.communicate(json.dumps(request).encode() + b"\n", timeout=limit_s)
            found: ProbeAnswer = json.loads(answer)
        except subprocess.TimeoutExpired:
            return failed(f"It did not answer within {limit_s:g} s, so its process was killed.")
        except ValueError:
            return failed("Its process ended without an answer. The log says why.")
        finally:
            kill_child(child)
    return found


def failed(message: str) -> ProbeAnswer:
    return ProbeAnswer(message=message, samples=[], devices=[])
