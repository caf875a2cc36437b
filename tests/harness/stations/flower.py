"""A real flower beside a station."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from tests.harness.project import PROJECT
from tests.harness.stations.station import free_port
from tests.harness.waiting import PATIENCE_S


class Flower:
    """A flower that answers on this port of the loopback interface."""

    def __init__(self, port: int) -> None:
        self._address = f"http://127.0.0.1:{port}/api/workers?refresh=true"

    def queues(self) -> dict[str, set[str]]:
        """Worker -> the queues that it takes; empty until flower has seen one."""
        with suppress(OSError, ValueError, KeyError), urllib.request.urlopen(self._address) as answer:
            found: dict[str, Any] = json.load(answer)
            return {worker: {queue["name"] for queue in row["active_queues"]} for worker, row in found.items()}
        return {}


@contextmanager
def flower_beside(environment: dict[str, str]) -> Iterator[Flower]:
    """`environment` is that of the station."""
    port = free_port()
    words = ["-m", "celery", "--quiet", "-A", "skycam_project", "flower", "--address=127.0.0.1", f"--port={port}"]
    opened = {**environment, "FLOWER_UNAUTHENTICATED_API": "true"}
    process = subprocess.Popen([sys.executable, *words], env=opened, cwd=PROJECT)
    try:
        yield Flower(port)
    finally:
        process.terminate()
        process.wait(PATIENCE_S)
