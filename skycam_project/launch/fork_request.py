"""What a forked process is asked to become: a message with descriptors, on a socket that keeps messages apart."""

from __future__ import annotations

import fcntl
import json
import os
import socket
import sys
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, TypedDict

from core import heartbeat

MOST_DESCRIPTORS = 8
LONGEST_REQUEST = 1 << 17


class Request(TypedDict):
    """`targets` are the numbers that the sent descriptors have in the new process. `environment` comes on top of that
    of the process that is forked. `title` is what `ps` shows."""

    title: str
    module: str
    arguments: list[str]
    environment: dict[str, str]
    targets: list[int]


class Fork(NamedTuple):
    """`command` is `python -m MODULE ARGUMENTS`. The new process has `inherited_fds` under the same numbers."""

    title: str
    command: Sequence[str]
    environment: Mapping[str, str]
    inherited_fds: Sequence[int] = ()

    def message(self, output_end: int, heartbeat_end: int) -> tuple[list[bytes], list[int]]:
        """What `socket.send_fds` sends."""
        _, _, module, *arguments = self.command
        descriptors = [output_end, output_end, heartbeat_end, *self.inherited_fds]
        request = Request(
            title=self.title,
            module=module,
            arguments=arguments,
            environment={**self.environment, heartbeat.FD_VARIABLE: str(heartbeat_end)},
            targets=[1, 2, *descriptors[2:]],
        )
        return [json.dumps(request).encode()], descriptors


def receive(link: socket.socket) -> tuple[Request | None, list[int]]:
    """Waits. None at the end of the other side."""
    message, descriptors, _, _ = socket.recv_fds(link, LONGEST_REQUEST, MOST_DESCRIPTORS)
    content: Any = json.loads(message) if message else None
    return content, descriptors


def replace_surroundings(request: Request, descriptors: list[int]) -> None:
    """Session, descriptors, environment and arguments as a new process would have them."""
    import setproctitle  # of forked processes: the launcher, which imports this module, has no use for it

    os.setsid()
    # First out of the way: the number of one may be the target of another.
    above_all = max(request["targets"]) + 1
    moved = [fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, above_all) for descriptor in descriptors]
    for descriptor in descriptors:
        os.close(descriptor)
    for source, target in zip(moved, request["targets"], strict=True):
        os.dup2(source, target)
        os.close(source)
    os.environ.update(request["environment"])
    sys.argv = [request["module"], *request["arguments"]]
    setproctitle.setproctitle(request["title"])
