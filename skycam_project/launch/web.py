"""The web part: uvicorn on the socket that the launcher has bound, `python -m skycam_project.launch.web FD`.

The launcher keeps the socket, so that a browser's request waits through a restart instead of being refused.
uvicorn's own `--fd` calls the socket a Unix one, and asyncio then leaves Nagle's algorithm on.
"""

from __future__ import annotations

import asyncio
import socket
import sys
from typing import Any

import uvicorn

from monitoring.heartbeat import keep_beating
from skycam_project.config import load_config
from skycam_project.launch.protocols import LARGEST_MESSAGE_BYTES, Http, WebSockets


async def serve(application: str, fd: int, *, behind_proxy: bool, ws: Any = WebSockets) -> None:
    """`behind_proxy`: X-Forwarded-For and -Proto are a proxy's. Else any client could write them. `ws` is the
    protocol of WebSockets, `none` without any."""
    server = uvicorn.Server(
        uvicorn.Config(
            application,
            lifespan="off",
            http=Http,
            ws=ws,
            ws_max_size=LARGEST_MESSAGE_BYTES,
            ws_per_message_deflate=False,
            timeout_graceful_shutdown=3,
            access_log=False,
            log_config=None,
            log_level="warning",
            server_header=False,
            proxy_headers=behind_proxy,
        )
    )
    beating = asyncio.create_task(keep_beating(lambda: server.started))
    await server.serve(sockets=[socket.socket(fileno=fd)])
    beating.cancel()


if __name__ == "__main__":
    asyncio.run(serve("skycam_project.asgi:application", int(sys.argv[1]), behind_proxy=load_config().web.tls))
