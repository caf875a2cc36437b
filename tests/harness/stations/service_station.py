"""A station whose PixeLink service is called over HTTP, as existing PixeLink clients call it."""

from __future__ import annotations

import http.client
import json
import sqlite3
import subprocess
import sys
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import psutil

from tests.harness.project import PROJECT
from tests.harness.stations.station import Station
from tests.harness.waiting import eventually

PASSWORD = "correct horse battery"
DOTENV = """\
# Server Configuration
HOST=0.0.0.0
PORT=8001
DEBUG=True

# Camera Configuration
CAMERA_SERIAL_NUMBER=        # Empty = use first available camera
DEFAULT_EXPOSURE=100000.0    # Microseconds (100ms)
DEFAULT_GAIN=1.0
IMAGE_SAVE_PATH=./captures
IMAGE_FORMAT=jpg
IMAGE_QUALITY=95

# CORS Configuration
ALLOWED_ORIGINS=http://localhost:3000,http://localhost:5173
"""
"""The `.env` in the guide to the service that Skycam replaces, word for word."""


@dataclass(frozen=True)
class Answer:
    status: int
    body: Any
    headers: dict[str, str]


class ServiceStation(Station):
    def __init__(self, data: Path, **variables: str) -> None:
        super().__init__(data, SKYCAM_ADMIN_PASSWORD=PASSWORD, **variables)

    def up(self) -> ServiceStation:
        super().up()
        eventually(lambda: self.send_request("GET", "/health").body["camera_connected"], 40, "the camera is connected")
        return self

    def send_request(self, method: str, path: str, body: Any = None, *, port: int = 0, **headers: str) -> Answer:
        """`body` is sent as JSON, bytes as they are. A header's name has _ for -."""
        sent = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        sent_headers = {name.replace("_", "-"): value for name, value in headers.items()}
        with closing(http.client.HTTPConnection("127.0.0.1", port or self.service_port, timeout=60)) as connection:
            connection.request(method, path, sent, {"Content-Type": "application/json"} | sent_headers)
            answer = connection.getresponse()
            text = answer.read()
        is_json = answer.headers.get_content_type() == "application/json"
        return Answer(answer.status, json.loads(text) if is_json else text.decode(), dict(answer.headers.items()))

    def answers(self) -> bool:
        """Whether the service's port answers."""
        try:
            return bool(self.send_request("GET", "/health").status)
        except OSError:
            return False

    def capture(self, **body: Any) -> Answer:
        return self.send_request("POST", "/capture", body)

    def capturing(self, pool: ThreadPoolExecutor, **body: Any) -> Future[Answer]:
        """Capture on a thread; returns once the row is planned."""
        before = self.count("captures_capture")
        future = pool.submit(self.capture, **body)
        eventually(lambda: self.count("captures_capture") > before, 40, "the row is planned")
        return future

    @cached_property
    def token(self) -> dict[str, str]:
        login = {"username": "admin", "password": PASSWORD}
        return {"Authorization": f"Token {self.web('POST', 'auth/token/', login, signed_in=False).body['token']}"}

    def web(self, method: str, path: str, body: Any = None, *, signed_in: bool = True) -> Answer:
        """The station's own API."""
        return self.send_request(method, f"/api/v1/{path}", body, port=self.port, **(self.token if signed_in else {}))

    def service(self) -> psutil.Process:
        return psutil.Process(self.pids()["service"])

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.data / "skycam.sqlite3", timeout=20)) as database:
            return database.execute(sql).fetchall()

    def count(self, table: str) -> int:
        return int(self.rows(f"SELECT count(*) FROM {table}")[0][0])

    def prepare(self) -> None:
        """Create the database without starting a part."""
        command = [sys.executable, "-m", "skycam_project.launch.prepare", "2"]
        subprocess.run(command, env=self.environment, cwd=PROJECT, check=True, capture_output=True, timeout=110)

    def run_script(self, script: str) -> None:
        """Run Python code with Django, on this station's database."""
        setup = "import django; django.setup()\n"
        own = {"DJANGO_SETTINGS_MODULE": "skycam_project.settings"}
        command = [sys.executable, "-c", setup + script]
        subprocess.run(command, env=self.environment | own, cwd=PROJECT, check=True, timeout=60)


TIMEOUT_MS = 8000
"""Less than usual, since a test waits for it; a capture on a busy machine must still be answered in time."""
