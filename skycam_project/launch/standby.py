"""Processes for the parts that a part starts, such as cameras below the worker: forked before its first thread.

A process with threads must not fork, and to execute a part takes seconds of a processor for imports that the fork
server has made already. So each part below has a process that waits here: a child of its parent, whose memory it
shares. It serves one start. The next one, after its end, is executed (`running_parts.BelowWorker`). Linux only.
"""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from typing import NamedTuple

from core.parent_death import die_with_parent
from skycam_project.launch.fork_request import Fork, Request, receive, replace_surroundings


class Standby(NamedTuple):
    """A child of this process that waits for what it is to run. `link` is this end of its socket."""

    pid: int
    link: socket.socket


_waiting: list[Standby] = []
"""Those of this process."""


def fork(number: int) -> Request | None:
    """None in this process. Returns in a new one when there is something to run: what that is."""
    parent = os.getpid()
    for _ in range(number):
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        pid = os.fork()
        if pid == 0:
            _waiting.clear()
            die_with_parent(parent)
            return _wait(theirs)
        theirs.close()
        _waiting.append(Standby(pid, ours))
    return None


def start(fork: Fork, output_end: int, heartbeat_end: int) -> int | None:
    """The pid of a process that has waited and becomes the part. None if none is left."""
    while _waiting:
        pid, link = _waiting.pop()
        with link:
            try:
                socket.send_fds(link, *fork.message(output_end, heartbeat_end))
            except OSError:
                os.waitpid(pid, 0)  # it has ended
                continue
            return pid
    return None


def _wait(link: socket.socket) -> Request:
    import setproctitle

    # Pipes and sockets of the parent would stay open after its end.
    for descriptor in map(int, os.listdir("/proc/self/fd")):
        if descriptor > 2 and descriptor != link.fileno():
            with suppress(OSError):  # that of the list itself
                os.close(descriptor)
    setproctitle.setproctitle("skycam standby")
    request, descriptors = receive(link)
    if request is None:
        os._exit(0)
    link.close()
    replace_surroundings(request, descriptors)
    return request
