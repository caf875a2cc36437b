"""A real station, run by `skycam up`, and an API client with one connection."""

from __future__ import annotations

import http.client
import json
import time
from pathlib import Path
from typing import Any, Self

from tests.harness.stations.http_client import AWAY, Refused
from tests.harness.stations.station import WITH_SERVICE, Station
from tests.harness.waiting import eventually

SLUG = "simulated"
SCENE: dict[str, Any] = {"scene": "chart", "sky_level": 80_000.0, "contrast_decades": 3.0, "shot_noise": True}
"""Its picture has about 490 kB as a JPEG of quality 95. The chart of DEFAULT_SCENE, black at 1 ms, has 50 kB."""
DEFAULT_SCENE: dict[str, Any] = {"scene": "chart", "sky_level": 500.0, "contrast_decades": 5.0, "shot_noise": False}
EXPOSURE: dict[str, Any] = {"exposure_us": 1000}


class Client:
    """An API client with a token, on one persistent connection."""

    def __init__(self, port: int, token: str = "") -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self._headers = {"Content-Type": "application/json"} | ({"Authorization": f"Token {token}"} if token else {})

    def request(self, method: str, path: str, body: dict[str, Any] | None = None, expect: int = 200) -> Any:
        return json.loads(self.raw(method, path, body, expect))

    def raw(self, method: str, path: str, body: dict[str, Any] | None = None, expect: int = 200) -> bytes:
        self._connection.request(method, path, None if body is None else json.dumps(body), self._headers)
        answer = self._connection.getresponse()
        content = answer.read()
        if answer.status != expect:
            raise Refused(f"{method} {path}: {answer.status} {content[:500]!r}")
        return content

    def get(self, path: str) -> Any:
        return self.request("GET", path)

    def capture(self) -> Any:
        return self.request("POST", f"/api/v1/cameras/{SLUG}/capture/", EXPOSURE, expect=201)

    def settings(self) -> Any:
        return self.get(f"/api/v1/cameras/{SLUG}/settings/")

    def picture(self) -> bytes:
        """The newest live picture."""
        return self.raw("GET", f"/api/v1/cameras/{SLUG}/frame.jpg?quality=medium")

    def close(self) -> None:
        self._connection.close()


class BenchStation:
    """A context manager: the station runs with a ready camera, and stops at the end."""

    def __init__(self, data: Path, **variables: str) -> None:
        data.parent.mkdir(parents=True, exist_ok=True)
        self.station = Station(data, **(WITH_SERVICE | variables))

    def __enter__(self) -> Self:
        self.start()
        self.set_scene(SCENE)
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> float:
        """Start the station; returns the seconds until the first picture is saved. Requests follow without a pause."""
        began = time.monotonic()
        self.station.start()
        eventually(self._saves, what="a first capture")
        return time.monotonic() - began

    def _saves(self) -> bool:
        try:
            self.client().capture()
        except (*AWAY, Refused):
            return False
        return True

    def set_scene(self, scene: dict[str, Any]) -> None:
        """Set the camera's settings; settings that are not named get their initial values."""
        self.client().request("PUT", f"/api/v1/cameras/{SLUG}/settings/", DEFAULT_SCENE | scene)

    @property
    def token(self) -> str:
        return self.station.api.token

    def client(self) -> Client:
        return Client(self.station.port, self.token)

    def stop(self) -> None:
        try:
            self.station.stop()
        finally:
            self.station.ensure_stopped()
