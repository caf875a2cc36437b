"""The web part on the socket FD, which is killed at a failpoint of requests with an Idempotency-Key: `FD POINT`."""

from __future__ import annotations

import asyncio
import sys

from core.idempotency.failpoints import FAILPOINTS
from skycam_project.config import load_config
from skycam_project.launch.web import serve

if __name__ == "__main__":
    web = load_config().web
    FAILPOINTS.arm(sys.argv[2])
    asyncio.run(serve("skycam_project.asgi:application", int(sys.argv[1]), limits=web.limits, proxies=web.proxies))
