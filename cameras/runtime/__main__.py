"""The process of one camera: `python -m cameras.runtime --camera ID --parent PID`, spec on stdin. It loads no Django.

The ID is for those who look for the process with `ps`; the spec has it, too.
"""

from __future__ import annotations

import faulthandler
import logging
import os
import signal
import sys
import threading
from typing import Any, NoReturn

# First of all: after pydantic, which replaces a function of `typing`, numpy takes 50 ms longer to load.
import numpy as np  # noqa: F401

from cameras.runtime.assembly import CameraProcess, build_camera_process, make_driver
from cameras.runtime.buffer import SharedFrameBuffer
from cameras.runtime.clock import CameraClock
from cameras.runtime.consumers import Context, DeviceConditions, ObservedReports, load_consumer
from cameras.runtime.device_timing import DeviceTimes
from cameras.runtime.link import Link, ReportSink
from cameras.runtime.memory import MemoryReleaser
from cameras.runtime.session_exposure import ExposureStatistics
from cameras.runtime.spec import Spec
from cameras.spool import failpoints
from core.limits.repeats import RepeatLimitingHandler
from core.parent_death import die_with_parent

log = logging.getLogger(__name__)
REPORT_S = 1.0


def report_states(process: CameraProcess, link: ReportSink, ended: threading.Event, every_s: float) -> None:
    """Send the state of the camera every `every_s` seconds, also while the camera loop is blocked."""
    memory = MemoryReleaser()
    while not ended.wait(every_s):
        process.disk_monitor.check_disk()
        report = process.state_reporter.build_report(every_s)
        link.send(report)
        memory.note_report(report)


def main(parent: int) -> None:
    die_with_parent(parent)
    # A vendor's library that crashes leaves its stack on stderr, which the Supervisor logs.
    faulthandler.enable()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    handlers = [RepeatLimitingHandler(sys.stderr)]
    logging.basicConfig(handlers=handlers, level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    link = Link()
    spec = link.read_spec()
    if kill := spec.get("kill"):
        failpoints.arm_failpoint(kill["point"], kill.get("passes", 0))
    run(spec, link)


def device_times(spec: Spec) -> DeviceTimes:
    return DeviceTimes(telemetry_s=spec["telemetry_s"]) if "telemetry_s" in spec else DeviceTimes()


def run(spec: Spec, link: Link) -> None:
    buffer, clock = SharedFrameBuffer(), CameraClock()
    conditions = DeviceConditions(spec["kind"])
    driver, context = make_driver(spec, clock), Context(spec, buffer, link, conditions)
    consumers: dict[str, Any] = {name: load_consumer(path, context) for name, path in spec["consumers"].items()}
    # Not a consumer of frames: the still thread calls it.
    writer = consumers.pop("still_writer")
    statistics = consumers.setdefault("statistics", ExposureStatistics(context))
    process = build_camera_process(
        spec, ObservedReports(link, conditions), clock, buffer, writer, statistics, list(consumers.values()), driver,
        device_times(spec),
    )  # fmt: skip
    # Only when all parts exist: some commands act at once, on the thread of the link.
    link.listen(process.receiver.receive_command, process.loop.stop)
    ended = threading.Event()
    reporting = (process, link, ended, spec.get("report_s", REPORT_S))
    reporter = threading.Thread(target=report_states, args=reporting, name="report", daemon=True)
    reporter.start()
    try:
        process.loop.run()
    finally:
        ended.set()
        # After the loop, so that the recorder also writes the last frames.
        for consumer in consumers.values():
            consumer.stop()


def exit_at_once(status: int) -> NoReturn:
    """Exit without finalizing Python. A thread may still hang in a library (FFmpeg, on a camera that went silent), and
    one that calls back into a finalized Python crashes the process. Its parts have closed their files by now; what an
    error left open is recovered at the next start, as after a kill."""
    logging.shutdown()
    os._exit(status)


if __name__ == "__main__":
    try:
        main(int(sys.argv[sys.argv.index("--parent") + 1]))
    except Exception:
        log.exception("The camera process ends, because of an error that it does not handle.")
        exit_at_once(1)
    exit_at_once(0)
