"""A running station with a signed-in user, and requests to it."""

from __future__ import annotations

import functools
import json
import urllib.request
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import psutil
from websockets.asyncio.client import ClientConnection, connect

from tests.harness.stations.station import Station
from tests.harness.waiting import eventually

BINARY = "skycam.live.v1"
PASSWORD = "correct horse battery"


MANY = {
    **{f"LIVE_STREAMING_CONFIG__{name}": "1000" for name in ("MAX_VIEWERS", "MAX_VIEWERS_PER_USER")},
    "SKYCAM_WEB__LIMITS__CONNECTIONS_PER_ADDRESS": "1000",
}
"""Limits that allow many viewers from one machine."""


class LiveStation(Station):
    def __init__(self, data: Path, **variables: str) -> None:
        super().__init__(data, **{"SKYCAM_ADMIN_PASSWORD": PASSWORD, **MANY, **variables})

    def up(self) -> LiveStation:
        super().up()
        eventually(lambda: self.camera_state() == "ready", 60, "the simulated camera is ready")
        return self

    def ask(self, path: str, body: Any = None, method: str | None = None, **headers: str) -> Any:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json", **headers}
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data, headers, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def drop(self, path: str) -> None:
        """DELETE, which is answered without a body."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", headers=self.token, method="DELETE")
        urllib.request.urlopen(request, timeout=60).close()

    @functools.cached_property
    def token(self) -> dict[str, str]:
        body = self.ask("/api/v1/auth/token/", {"username": "admin", "password": PASSWORD})
        return {"Authorization": f"Token {body['token']}"}

    def camera_state(self) -> str:
        return str(self.ask("/api/v1/cameras/simulated/status/", **self.token)["observed"])

    def socket(self, address: str, *subprotocols: Any, **options: Any) -> AbstractAsyncContextManager[ClientConnection]:
        url = f"ws://127.0.0.1:{self.port}{address}"
        headers = options.pop("additional_headers", self.token)
        return connect(
            url, subprotocols=subprotocols or None, additional_headers=headers, compression=None, max_size=None,
            **options,
        )  # fmt: skip

    def part(self, name: str) -> psutil.Process:
        return psutil.Process(self.pids()[name])

    def camera_process(self) -> psutil.Process:
        return next(one for one in self.processes() if "cameras.runtime" in one.cmdline())

    def log(self) -> str:
        return (self.data / "logs" / "skycam.log").read_text()
