"""Job functions for tests, which real child processes run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from core.jobs.context import JobContext, JobError


def add(context: JobContext) -> dict[str, Any]:
    print("printed by the function")
    return {"sum": sum(context.arguments["numbers"]), "actor": context.actor}


def report_environment(context: JobContext) -> dict[str, Any]:
    return {"names": sorted(os.environ), "nice": os.nice(0), "session": os.getsid(0) == os.getpid()}


def count_to_the_end(context: JobContext) -> dict[str, Any]:
    """Append a line for each step; continue after the checkpoint. With a `gate`, each attempt waits after its second
    step until that file exists."""
    begin = (context.checkpoint or {}).get("next", 0)
    path, end = Path(context.arguments["path"]), context.arguments["end"]
    for number in range(begin, end):
        with path.open("a") as file:
            file.write(f"{number}\n")
        context.progress(number + 1, end, f"step {number + 1}", next=number + 1)
        time.sleep(context.arguments.get("step_s", 0.05))
        if number == begin + 1:
            wait_for_gate(context)
        if context.should_stop():
            break
    return {"from": begin}


def wait_for_gate(context: JobContext) -> None:
    gate = context.arguments.get("gate")
    while gate and not Path(gate).exists() and not context.should_stop():
        time.sleep(0.02)


def wait_for_stop(context: JobContext) -> dict[str, Any]:
    announce(context)
    while not context.should_stop():
        time.sleep(0.02)
    return {"stopped": True}


def ignore_stop(context: JobContext) -> dict[str, Any]:
    announce(context)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while True:
        time.sleep(1)


def start_grandchild(context: JobContext) -> dict[str, Any]:
    """Leave a process of its own behind."""
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    return {"pid": child.pid}


def fail(context: JobContext) -> dict[str, Any]:
    raise JobError("The disk is missing. Mount it.")


def fail_for_good(context: JobContext) -> dict[str, Any]:
    raise JobError("There is no such clip.", permanent=True)


def crash(context: JobContext) -> dict[str, Any]:
    os.kill(os.getpid(), signal.SIGSEGV)
    raise AssertionError


def fill_memory(context: JobContext) -> dict[str, Any]:
    return {"size": len(bytearray(4_000_000_000))}


def announce(context: JobContext) -> None:
    """Write the pid to the file that the test waits for."""
    path = Path(context.arguments["path"])
    path.with_suffix(".new").write_text(str(os.getpid()))
    path.with_suffix(".new").rename(path)
