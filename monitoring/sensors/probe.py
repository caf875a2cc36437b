"""A process that tries one thing with a driver and ends: `python -m monitoring.sensors.probe PARENT`. Django-free.

It reads one `ProbeRequest` as a JSON line from stdin and writes one `ProbeAnswer` to stdout. A driver that hangs is
killed with it by its parent.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import sys
import time
from typing import Any, Literal, TypedDict

from core.outgoing import OutgoingGuard, Rules
from core.parent_death import die_with_parent
from monitoring.sensors.child import messages_of
from monitoring.sensors.driver import Sample, SensorError, driver_class
from monitoring.sensors.messages import SampleMessage


class ProbeRequest(TypedDict):
    action: Literal["detect", "test"]
    kind: str
    settings: dict[str, Any]
    """With secrets; empty to detect."""
    deadline_s: float
    outgoing: Rules


class FoundDevice(TypedDict):
    kind: str
    label: str
    settings: dict[str, Any]
    note: str


class ProbeAnswer(TypedDict):
    """`message` says why there is nothing; empty if all went well."""

    message: str
    samples: list[SampleMessage]
    devices: list[FoundDevice]


def main(parent: int) -> None:
    die_with_parent(parent)
    # Libraries print to stdout, too: the answer has a descriptor of its own.
    answers = os.dup(1)
    os.dup2(2, 1)
    request: ProbeRequest = json.loads(sys.stdin.buffer.readline())
    with os.fdopen(answers, "wb") as out:
        out.write(json.dumps(probe(request)).encode())


def probe(request: ProbeRequest) -> ProbeAnswer:
    try:
        if request["action"] == "detect":
            return ProbeAnswer(message="", samples=[], devices=detect(request))
        return ProbeAnswer(message="", samples=read_samples(request), devices=[])
    except SensorError as error:
        return ProbeAnswer(message=str(error), samples=[], devices=[])
    except Exception as error:
        logging.getLogger(__name__).exception("The driver %s failed.", request["kind"])
        message = f"The driver failed ({type(error).__name__}). The log has the traceback."
        return ProbeAnswer(message=message, samples=[], devices=[])


def detect(request: ProbeRequest) -> list[FoundDevice]:
    found = driver_class(request["kind"]).detect(request["deadline_s"])
    return [FoundDevice(kind=one.kind, label=one.label, settings=dict(one.settings), note=one.note) for one in found]


def read_samples(request: ProbeRequest) -> list[SampleMessage]:
    """The first values that the driver gives. SensorError, also if it gives none within the deadline."""
    until = time.monotonic() + request["deadline_s"]
    driver = driver_class(request["kind"])(request["settings"], OutgoingGuard.of(request["outgoing"]))
    samples: list[Sample] = []
    try:
        driver.open(request["deadline_s"])
        while not samples and (left := until - time.monotonic()) > 0:
            samples = driver.read(left)
    finally:
        with contextlib.suppress(SensorError, OSError):
            driver.close()
    if not samples:
        raise SensorError(f"It answers, but gave no value within {request['deadline_s']:g} s.")
    return list(messages_of(samples))


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")
    main(int(sys.argv[1]))
