"""Forks parts from a process that has imported what they need: `python -m skycam_project.launch.fork_server FD`.

The parts share its memory and start in tenths of a second (docs/decisions/launcher.md). A request on the socket FD is a
`Request` as JSON with the descriptors for the new process, the answer its pid. The new process runs a module as
`python -m` does, and is a child of the launcher, not of this process, whose end it survives. Linux only.
"""

from __future__ import annotations

import gc
import os
import runpy
import socket
import sys
import time
from importlib import import_module

import django

from core.parent_death import die_with_parent
from core.postgresql.application import PART_VARIABLE
from skycam_project.launch import standby
from skycam_project.launch.fork_request import Request, receive, replace_surroundings
from skycam_project.launch.parts import parts_of

PRELOADED = (
    "captures.files.host_files.server",
    "captures.files.thumbnail_queue",
    "captures.storage.retention.cleanup",
    "captures.roots.roots",
    "celery.apps.beat",
    "celery.apps.worker",
    "celery.bin.celery",
    "celery.events.receiver",
    "celery.worker.autoscale",
    "celery.worker.components",
    "celery.worker.consumer.delayed_delivery",
    "celery.worker.strategy",
    "cameras.supervision.supervisor",
    "core.jobs.worker",
    "django.core.management.commands.migrate",
    "django.db.models.sql.compiler",
    "kombu.transport.redis",
    "monitoring.sensor_host.host",
    "setproctitle",
    "skycam_project.celery_extensions",
    "skycam_project.launch.first_start",
    "skycam_project.launch.health",
    "skycam_project.launch.protocols",
    "skycam_project.request_limits",
    "skycam_project.routing",
    "skycam_project.sync_asgi_handler",
    "skycam_project.urls",
    "uvicorn",
    "uvicorn.lifespan.off",
    "uvicorn.loops.auto",
)
"""What parts import while they start. None may start a thread or open a connection: a fork would copy half of it."""


def serve(link: socket.socket, launcher: int) -> Request | None:
    """Answer requests. Returns in each new process, with what it is to run, and None when the launcher has ended."""
    while True:
        request, descriptors = receive(link)
        if request is None:
            return None
        answer, answer_end = os.pipe()
        between = os.fork()
        if between == 0:
            between = os.getpid()
            if pid := os.fork():
                os.write(answer_end, str(pid).encode())
                # Its child becomes one of the launcher, which adopts orphans.
                os._exit(0)
            link.close()
            for end in (answer, answer_end):
                os.close(end)
            become_child(launcher, between)
            replace_surroundings(request, descriptors)
            return request
        os.close(answer_end)
        for descriptor in descriptors:
            os.close(descriptor)
        os.waitpid(between, 0)
        link.send(os.read(answer, 32))
        os.close(answer)


def become_child(launcher: int, before: int) -> None:
    """Wait until the launcher is the parent instead of `before`, and end with it from then on."""
    while os.getppid() == before:
        time.sleep(0.001)
    die_with_parent(launcher)


def parts_below(request: Request) -> list[str]:
    """Names of the parts that the requested process will start."""
    name = request["environment"].get(PART_VARIABLE)
    return parts_of(name) if name else []


def preload() -> None:
    """Import what parts need, and keep the garbage collector from touching, and so copying, its memory."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "skycam_project.settings")
    # The checks would load every driver with its library.
    os.environ["CELERY_SKIP_CHECKS"] = "true"
    # Imports make no garbage: to look for it between them would take a tenth of their time.
    gc.disable()
    django.setup()
    for module in PRELOADED:
        import_module(module)
    celery = import_module("skycam_project.celery").app
    celery.loader.import_default_modules()
    celery.finalize()
    gc.collect()
    gc.freeze()
    gc.enable()


def check_single_thread() -> None:
    """SystemExit with more than one thread: locks that the others hold would be held for ever in a fork."""
    threads = len(os.listdir("/proc/self/task"))
    if threads > 1:
        raise SystemExit(f"One of the preloaded modules has started a thread: {threads - 1} more than the first.")


if __name__ == "__main__":
    preload()
    check_single_thread()
    # In a part this is the main program: it ends as one, with its status and all that runs at the end of Python.
    if part := serve(socket.socket(fileno=int(sys.argv[1])), os.getppid()):
        # Before it has a thread.
        part = standby.fork(len(parts_below(part))) or part
        runpy.run_module(part["module"], run_name="__main__", alter_sys=True)
