"""A camera host that is `celery -A skycam_project worker -n NAME`, without a launcher."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Self

import psutil

from tests.harness.project import PROJECT
from tests.harness.waiting import PATIENCE_S


class CeleryHost:
    """`environment` is that of the station that it belongs to."""

    def __init__(self, environment: dict[str, str], name: str, output: Path) -> None:
        self.environment, self.name, self._output = environment, name, output
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> Self:
        with self._output.open("ab") as output:
            self.process = subprocess.Popen(
                self._command("worker", "-n", self.name, "--loglevel", "INFO"),
                env=self.environment, cwd=PROJECT, stdout=output, stderr=output,
            )  # fmt: skip
        return self

    def output(self) -> str:
        return self._output.read_text()

    def processes(self) -> list[psutil.Process]:
        """It and everything below it."""
        assert self.process is not None
        root = psutil.Process(self.process.pid)
        return [root, *root.children(recursive=True)]

    def end(self, *, kill: bool = False) -> int:
        """Its exit status, after SIGKILL or after SIGTERM, Celery's warm shutdown."""
        assert self.process is not None
        (self.process.kill if kill else self.process.terminate)()
        return self.status()

    def status(self) -> int:
        assert self.process is not None
        return self.process.wait(PATIENCE_S)

    def runs(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def ensure_stopped(self) -> None:
        if self.runs():
            self.end(kill=True)

    def ask(self, *words: str) -> dict[str, Any]:
        """Worker -> its answer to `celery inspect ...`."""
        return dict(self._run(*words))

    def restart_pool(self) -> None:
        """`celery control pool_restart`."""
        assert self._run("control", "pool_restart") == [{f"celery@{self.name}": {"ok": "reload started"}}]

    def _run(self, *words: str) -> Any:
        command = self._command(*words, "--json", "--timeout", "10")
        done = subprocess.run(
            command, env=self.environment, cwd=PROJECT, capture_output=True, text=True, timeout=PATIENCE_S, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout)

    def _command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "celery", "--quiet", "-A", "skycam_project", *words]
