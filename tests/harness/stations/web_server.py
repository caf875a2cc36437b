"""The web part alone, with the database of the test run."""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil

from tests.harness.waiting import PATIENCE_S, eventually

BY_HTTPS = {"X-Forwarded-Proto": "https"}


class Web:
    def __init__(self, module: str = "skycam_project.launch.web", *arguments: str, **variables: str) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listening:
            self.port = listening.getsockname()[1]
            command = [sys.executable, "-m", module, str(listening.fileno()), *arguments]
            self.process = subprocess.Popen(command, pass_fds=[listening.fileno()], env=os.environ | variables)
        eventually(lambda: self.request("GET", "/healthz", headers=BY_HTTPS)[0] == 200)

    def connection(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)

    def request(self, method: str, path: str, body: Any = None, headers: Any = None) -> tuple[int, bytes]:
        connection = self.connection()
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def descriptors(self) -> list[str]:
        return [file.path for file in psutil.Process(self.process.pid).open_files()]

    def most_memory(self) -> int:
        """Peak resident bytes."""
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        return int(status.partition("VmHWM:")[2].split()[0]) * 1024

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(PATIENCE_S)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(PATIENCE_S)
