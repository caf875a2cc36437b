"""The web part, and with `service` the part of the PixeLink service: uvicorn on the socket that the launcher has bound,
`python -m skycam_project.launch.web FD [service]`.

The launcher keeps the socket open, so that a request during a restart waits instead of being refused. uvicorn's own
`--fd` is not used: it treats the socket as a Unix socket, and asyncio then leaves Nagle's algorithm on.
"""

from __future__ import annotations

import asyncio
import socket
import sys

import uvicorn

from core.heartbeat import send_heartbeats
from skycam_project.config import load_config
from skycam_project.config.web import LimitsConfig
from skycam_project.launch.protocols import LARGEST_MESSAGE_BYTES, ConnectionLimiter, HttpProtocol, WebSocketProtocol


async def serve(application: str, fd: int, *, limits: LimitsConfig, proxies: list[str], sockets: bool = True) -> None:
    """Serve the ASGI `application` on the socket `fd`. X-Forwarded-For and X-Forwarded-Proto are trusted only from
    `proxies`; other clients could forge them. `sockets` enables WebSockets."""
    limiter = ConnectionLimiter(limits, proxies)
    # uvicorn creates the protocols itself, so the limiter is an attribute of a class of its own for each server.
    http, websockets = (
        type(kind.__name__, (kind,), {"connection_limiter": limiter}) for kind in (HttpProtocol, WebSocketProtocol)
    )
    server = uvicorn.Server(
        uvicorn.Config(
            application,
            lifespan="off",  # Django's ASGI handler does not know this scope
            http=http,
            ws=websockets if sockets else "none",
            ws_max_size=LARGEST_MESSAGE_BYTES,
            ws_per_message_deflate=False,  # measured with 20 viewers: 88 % of a core for JPEGs, instead of 1.5 %
            timeout_graceful_shutdown=3,  # without it SIGTERM waits over 15 s for a socket whose client does not read
            access_log=False,
            log_config=None,
            log_level="warning",
            server_header=False,
            proxy_headers=bool(proxies),
            forwarded_allow_ips=proxies,
        )
    )
    # No heartbeat before uvicorn accepts: until then the part is starting for the launcher.
    beating = asyncio.create_task(send_heartbeats(lambda: server.started))
    await server.serve(sockets=[socket.socket(fileno=fd)])
    beating.cancel()


if __name__ == "__main__":
    web, listening = load_config().web, int(sys.argv[1])
    if sys.argv[2:] == ["service"]:
        serving = serve(
            "skycam_project.service.asgi:application", listening, limits=web.limits, proxies=[], sockets=False
        )
    else:
        serving = serve("skycam_project.asgi:application", listening, limits=web.limits, proxies=web.proxies)
    asyncio.run(serving)
