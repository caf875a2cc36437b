"""The process of one sensor: `python -m monitoring.sensors.child PARENT`. Django-free.

It opens the driver, reads it each interval, and opens it again after an error. A driver that hangs is not noticed here:
the host kills a process that says nothing.
"""

from __future__ import annotations

import contextlib
import json
import logging
import math
import os
import sys
import threading
import time
from collections.abc import Callable, Iterable

from core.outgoing import OutgoingGuard
from core.parent_death import die_with_parent
from monitoring.sensors.driver import Sample, SensorDriver, SensorError, driver_class
from monitoring.sensors.messages import ErrorMessage, Message, SampleMessage, SamplesMessage, Specification

log = logging.getLogger(__name__)
Send = Callable[[Message], None]
LONGEST_PAUSE_S = 60.0
MAX_SAMPLES = 500
"""Of one reading: more than a bus can hold, fewer than would fill the pipe for long."""


def main(parent: int) -> None:
    die_with_parent(parent)
    send = take_over_output()
    specification: Specification = json.loads(sys.stdin.buffer.readline())
    threading.Thread(target=exit_at_end_of_input, name="input", daemon=True).start()
    guard = OutgoingGuard.of(specification["outgoing"])
    run(driver_class(specification["kind"])(specification["settings"], guard), specification, send)


def run(driver: SensorDriver, specification: Specification, send: Send) -> None:
    failures = 0
    while True:
        began = time.monotonic()
        try:
            read_until_error(driver, specification, send)
        except SensorError as error:
            pause_s = LONGEST_PAUSE_S if error.permanent else retry_pause_s(failures, specification["interval_s"])
            send(ErrorMessage(type="error", message=str(error), permanent=error.permanent))
        except Exception as error:
            log.exception("The driver %s failed.", specification["kind"])
            message = f"The driver failed ({type(error).__name__}). The log has the traceback."
            pause_s = retry_pause_s(failures, specification["interval_s"])
            send(ErrorMessage(type="error", message=message, permanent=False))
        # An error now and then in months of readings is tried again at once each time.
        failures = 0 if time.monotonic() - began > LONGEST_PAUSE_S else failures + 1
        with contextlib.suppress(SensorError, OSError):
            driver.close()
        time.sleep(pause_s)


def read_until_error(driver: SensorDriver, specification: Specification, send: Send) -> None:
    """SensorError, or whatever a driver raises by mistake."""
    interval_s, deadline_s = specification["interval_s"], specification["deadline_s"]
    driver.open(deadline_s)
    due = time.monotonic()
    while True:
        began = time.monotonic()
        samples = driver.read(deadline_s)
        now = time.monotonic()
        # Waiting is not the work of a reading: a device that has fallen silent must be missing in time.
        took_s = 0.0 if driver.sends_by_itself else now - began
        send(SamplesMessage(type="samples", samples=list(messages_of(samples)), took_s=took_s))
        # From start to start; readings that were missed are not made up for.
        due = max(due + interval_s, now)
        time.sleep(max(0.0, due - now))


def retry_pause_s(failures: int, interval_s: float) -> float:
    """At first as soon as the next reading would be, then up to a minute."""
    return min(LONGEST_PAUSE_S, max(0.5, interval_s) * 2.0 ** min(failures, 10))


def messages_of(samples: Iterable[Sample]) -> Iterable[SampleMessage]:
    for sample in list(samples)[:MAX_SAMPLES]:
        is_number = math.isfinite(sample.value)
        yield SampleMessage(
            channel=sample.channel,
            quantity=sample.quantity,
            value=float(sample.value) if is_number else None,
            label=sample.label,
            age_s=sample.age_s,
            is_valid=sample.is_valid and is_number,
        )


def take_over_output() -> Send:
    """Messages alone go to the host: what a library prints goes to the log."""
    output = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)

    def send(message: Message) -> None:
        output.write(json.dumps(message).encode() + b"\n")
        output.flush()

    return send


def exit_at_end_of_input() -> None:
    """The end of stdin is the order to exit, also for a process whose driver hangs."""
    while sys.stdin.buffer.read(1024):
        continue
    os._exit(0)


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")
    main(int(sys.argv[1]))
