"""A camera's own process: `python -m cameras.runtime --parent PID`, its spec on stdin. It loads no Django."""

from __future__ import annotations

import ctypes
import faulthandler
import logging
import os
import signal
import sys
import threading
from typing import Any, cast

from cameras.runtime import killpoints
from cameras.runtime.buffer import SharedFrameBuffer
from cameras.runtime.clock import OwnerClock
from cameras.runtime.consumers import Context, load
from cameras.runtime.link import Link
from cameras.runtime.loop import Owner
from cameras.runtime.spec import Spec
from cameras.runtime.state import state_of
from core.repeat_limit import RepeatLimitingHandler

PR_SET_PDEATHSIG = 1
REPORT_S = 1.0


def die_with(parent: int) -> None:
    """The last net: end when the thread that started us ends. It may have ended before this line."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit("The Supervisor that started this camera process is gone.")


def report(owner: Owner, link: Link, ended: threading.Event) -> None:
    """Each second, whatever the owner does: what is observed, and how overdue it is."""
    frames = owner.buffer.frames
    while not ended.wait(REPORT_S):
        owner.look_at_disk()
        state = state_of(owner)
        state["fps"] = round((state["frames"] - frames) / REPORT_S, 1)
        frames = state["frames"]
        link.send("state", **state)


def main(parent: int) -> None:
    die_with(parent)
    faulthandler.enable()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    handlers = [RepeatLimitingHandler(sys.stderr)]
    logging.basicConfig(handlers=handlers, level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    link = Link()
    spec = cast(Spec, link.read())
    if kill := spec.get("kill"):
        killpoints.arm(kill["point"], kill.get("passes", 0))
    run(spec, link)


def run(spec: Spec, link: Link) -> None:
    buffer = SharedFrameBuffer()
    owner = Owner(spec, link, OwnerClock(), buffer)
    context = Context(spec, buffer, link)
    for name, path in spec["consumers"].items():
        consumer: Any = load(path, context)
        if name == "still_writer":
            owner.use(consumer)
        else:
            owner.frame_consumers.append(consumer)
    link.listen(owner.take, owner.stop)
    ended = threading.Event()
    reporter = threading.Thread(target=report, args=(owner, link, ended), name="report", daemon=True)
    reporter.start()
    try:
        owner.run()
    finally:
        ended.set()
        for frame_consumer in owner.frame_consumers:
            frame_consumer.stop()


if __name__ == "__main__":
    main(int(sys.argv[sys.argv.index("--parent") + 1]))
