"""Web parts that are killed at a failpoint of requests with an Idempotency-Key, forked from a process that has imported
what they need.

For each line on stdin, the name of a failpoint, one web part is started. Answers: a line with its pid and port, and one
with its exit status when it has ended.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from importlib import import_module

from core.parent_death import die_with_parent
from skycam_project.config import load_config
from skycam_project.launch.web import serve

APPLICATION = "skycam_project.asgi"


def run_web(point: str, listening: socket.socket, parent: int) -> None:
    # It needs Django, which `main` has set up.
    from core.idempotency.view import FAILPOINTS

    die_with_parent(parent)
    FAILPOINTS.arm(point)
    web = load_config().web
    asyncio.run(serve(f"{APPLICATION}:application", listening.fileno(), limits=web.limits, proxies=web.proxies))


def main() -> None:
    import_module(APPLICATION)
    assert os.listdir("/proc/self/task") == [str(os.getpid())], "A fork would copy locks that other threads hold."
    parent = os.getpid()
    for line in sys.stdin:
        with socket.create_server(("127.0.0.1", 0)) as listening:
            pid = os.fork()
            if pid == 0:
                run_web(line.strip(), listening, parent)
                os._exit(0)
            print(pid, listening.getsockname()[1], flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)


if __name__ == "__main__":
    main()
