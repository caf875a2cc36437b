"""The process of one camera: `python -m cameras.runtime --parent PID`, spec on stdin. It does not load Django."""

from __future__ import annotations

import ctypes
import faulthandler
import logging
import os
import signal
import sys
import threading
from typing import Any, cast

from cameras.runtime.buffer import SharedFrameBuffer
from cameras.runtime.camera_loop import CameraLoop
from cameras.runtime.clock import CameraClock
from cameras.runtime.consumers import Context, load_consumer
from cameras.runtime.link import Link
from cameras.runtime.spec import Spec
from cameras.runtime.state import describe_state
from cameras.spool import failpoints
from core.limits.repeat_limit import RepeatLimitingHandler

PR_SET_PDEATHSIG = 1
REPORT_S = 1.0


def exit_with_parent(parent: int) -> None:
    """Last resort: the kernel ends this process with the thread that started it, which may be gone already."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit("The Supervisor that started this camera process is gone.")


def report_states(loop: CameraLoop, link: Link, ended: threading.Event) -> None:
    """Send the state of the camera each second, also while the camera loop is blocked."""
    frames = loop.buffer.frames
    while not ended.wait(REPORT_S):
        loop.check_disk()
        state = describe_state(loop)
        state["fps"] = round((state["frames"] - frames) / REPORT_S, 1)
        frames = state["frames"]
        link.send("state", **state)


def main(parent: int) -> None:
    exit_with_parent(parent)
    faulthandler.enable()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    handlers = [RepeatLimitingHandler(sys.stderr)]
    logging.basicConfig(handlers=handlers, level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    link = Link()
    spec = cast(Spec, link.read())
    if kill := spec.get("kill"):
        failpoints.arm_failpoint(kill["point"], kill.get("passes", 0))
    run(spec, link)


def run(spec: Spec, link: Link) -> None:
    buffer = SharedFrameBuffer()
    loop = CameraLoop(spec, link, CameraClock(), buffer)
    context = Context(spec, buffer, link)
    for name, path in spec["consumers"].items():
        consumer: Any = load_consumer(path, context)
        if name == "still_writer":
            loop.set_still_writer(consumer)
        else:
            loop.frame_consumers.append(consumer)
    link.listen(loop.receive_command, loop.stop)
    ended = threading.Event()
    reporter = threading.Thread(target=report_states, args=(loop, link, ended), name="report", daemon=True)
    reporter.start()
    try:
        loop.run()
    finally:
        ended.set()
        for frame_consumer in loop.frame_consumers:
            frame_consumer.stop()


if __name__ == "__main__":
    main(int(sys.argv[sys.argv.index("--parent") + 1]))
