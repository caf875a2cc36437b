"""The service part: uvicorn with the PixeLink service, `python -m skycam_project.launch.service FD`."""

from __future__ import annotations

import asyncio
import sys

from skycam_project.config import load_config
from skycam_project.launch.web import serve

if __name__ == "__main__":
    limits = load_config().web.limits
    asyncio.run(
        serve("skycam_project.service.asgi:application", int(sys.argv[1]), limits=limits, proxies=[], sockets=False)
    )
