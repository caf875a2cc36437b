"""A real Prometheus with the configuration and rules of deploy/prometheus, which scrapes a station each second."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.parse import urlencode
from urllib.request import urlopen

from tests.harness.project import PROJECT
from tests.harness.stations.station import Station, free_port
from tests.harness.waiting import PATIENCE_S, eventually

DEPLOYED = PROJECT / "deploy" / "prometheus"


class Prometheus:
    """Its HTTP API."""

    def __init__(self, port: int) -> None:
        self._url = f"http://127.0.0.1:{port}/api/v1"

    def ask(self, path: str, **parameters: str) -> Any:
        with urlopen(f"{self._url}/{path}?{urlencode(parameters)}", timeout=PATIENCE_S) as answer:
            return json.load(answer)["data"]

    def query(self, expression: str) -> dict[frozenset[tuple[str, str]], float]:
        """Labels -> value of each series that the expression gives now."""
        found = self.ask("query", query=expression)["result"]
        return {frozenset(series["metric"].items()): float(series["value"][1]) for series in found}

    def value(self, expression: str) -> float | None:
        """The value of an expression that gives one series, or none."""
        return next(iter(self.query(expression).values()), None)

    def is_scraping(self) -> bool:
        """Whether all targets were scraped. False before it answers."""
        try:
            targets = self.ask("targets")["activeTargets"]
        except (URLError, ConnectionError):
            return False
        return bool(targets) and {target["health"] for target in targets} == {"up"}


@contextmanager
def scraping(station: Station, folder: Path, token: str, rules: str = "") -> Iterator[Prometheus]:
    """A Prometheus that scrapes the host's port, and the web part with `token`. `rules` are the groups of one more file
    of rules."""
    shutil.copytree(DEPLOYED, folder)
    with (folder / "recording-rules.yml").open("a") as file:
        file.write(rules)
    (folder / "token").write_text(token)
    config, port = folder / "prometheus.yml", free_port()
    text = config.read_text().replace("127.0.0.1:8000", f"127.0.0.1:{station.metrics_port}")
    text = text.replace("127.0.0.1:8080", f"127.0.0.1:{station.port}").replace(": 15s", ": 1s").replace(": 10s", ": 1s")
    config.write_text(text.replace("/etc/prometheus/skycam-web-token", str(folder / "token")))
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [
                "prometheus", f"--config.file={config}", f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address=127.0.0.1:{port}",
            ],
            stdout=log, stderr=log,
        )  # fmt: skip
    try:
        prometheus = Prometheus(port)
        eventually(prometheus.is_scraping, (folder / "log").read_text)
        yield prometheus
    finally:
        process.kill()
        process.wait()
