"""Runs one job: `python -m core.jobs.child ID PARENT`. A child of a jobs worker, with Django.

It reads a JobSpec from stdin and writes messages to stdout. SIGTERM asks the job's function to stop.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any

from core.jobs.children import limit_resources
from core.jobs.context import DoneMessage, EndMessage, FailedMessage, JobContext, JobError, JobSpec, Message
from core.parent_death import die_with_parent
from core.postgresql.application import PART_VARIABLE

log = logging.getLogger(__name__)
JobFunction = Callable[[JobContext], "dict[str, Any] | None"]


class MessagePipe:
    """Writes messages to the worker. What else the process prints goes to stderr, and so into the log."""

    def __init__(self) -> None:
        # `os.dup` makes a descriptor that programs started by the job do not inherit, so the worker sees the end of the
        # pipe when this process ends.
        self._descriptor = os.dup(1)
        os.dup2(2, 1)

    def send(self, message: Message) -> None:
        left = json.dumps(message).encode() + b"\n"
        while left:
            # A pipe may take a part of what it is given.
            left = left[os.write(self._descriptor, left) :]


def load_function(path: str) -> JobFunction:
    """Set up Django and import the function. ImportError."""
    # Imported here and not above: an error of Django's setup is the outcome of the job, and the limits hold already.
    import django

    from core.registry import resolve

    django.setup()
    function: JobFunction = resolve(path)
    return function


def run_function(path: str, context: JobContext) -> EndMessage:
    """Run the job to its end. Any error is its outcome, and unexpected ones are logged with a traceback."""
    try:
        result = load_function(path)(context)
    except JobError as error:
        return FailedMessage(type="failed", error=str(error), permanent=error.permanent)
    except MemoryError:
        # Permanent: another attempt has the same limit.
        return FailedMessage(type="failed", error="It needed more memory than its limit.", permanent=True)
    except Exception as error:
        log.exception("The job %s failed.", context.id)
        return FailedMessage(type="failed", error=f"{type(error).__name__}: {error}", permanent=False)
    # Not `stopping.is_set()`: a function that came to its end without looking has done all its work.
    return DoneMessage(type="done", result=result, stopped=context.was_asked_to_stop)


def use_idle_disk_only() -> None:
    """Leave the disk to the cameras, where its scheduler knows priorities."""
    import psutil

    psutil.Process().ionice(psutil.IOPRIO_CLASS_IDLE)


def main() -> None:
    # In the first line, so that a worker that is killed meanwhile leaves no child.
    die_with_parent(int(sys.argv[2]))
    os.environ[PART_VARIABLE] = "job"
    stopping = threading.Event()
    # Before the spec is read: without a handler, an early request to stop would end the process as if it had crashed.
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    pipe = MessagePipe()
    spec: JobSpec = json.loads(sys.stdin.readline())
    # Before Django and the function are loaded, so that all of it counts.
    limit_resources(spec["memory_bytes"], spec["cpu_s"], spec["nice"])
    use_idle_disk_only()
    context = JobContext(
        id=spec["id"],
        arguments=spec["arguments"],
        checkpoint=spec["checkpoint"],
        actor=spec["actor"],
        send=pipe.send,
        stopping=stopping,
    )
    pipe.send(run_function(spec["function"], context))


if __name__ == "__main__":
    main()
