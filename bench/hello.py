"""A minimal server, `python -m bench.hello PORT`: it measures the cost of a request without Django and Skycam."""

from __future__ import annotations

import sys
from typing import Any

import uvicorn


async def answer(_scope: Any, receive: Any, send: Any) -> None:
    await receive()
    headers = [(b"content-type", b"application/json"), (b"content-length", b"2")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"{}"})


if __name__ == "__main__":
    uvicorn.run(answer, port=int(sys.argv[1]), lifespan="off", log_level="warning", access_log=False)
