"""A real station in a folder of its own, run by a launcher in a process of its own."""

from __future__ import annotations

import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import psutil

from skycam_project.config import ConfigManager, SkycamConfig, socket_path
from skycam_project.launch import ps
from tests.harness.kernel_names import KernelName
from tests.harness.processes.alive import is_alive
from tests.harness.project import PROJECT
from tests.harness.stations.cameras import StationCameras
from tests.harness.stations.database import StationDatabase
from tests.harness.stations.http_client import PASSWORD, ApiClient
from tests.harness.stations.migrated_database import place_database
from tests.harness.stations.pixelink_service import PixelinkService
from tests.harness.stations.spools import StationSpools
from tests.harness.waiting import PATIENCE_S, eventually

RUN = "import sys; from skycam_project.launch import up; sys.exit(up(only=sys.argv[1] or None))"
NOT_LOWERED = {f"LIVE_STREAMING_CONFIG__CPU_THRESHOLDS__{name}": "0" for name in ("LOWER_QUALITY", "LOWER_FPS")}
"""Tests must not depend on the load of the machine."""
SILENCE_S = 6.0
NOTICES_HANGS = {"SKYCAM_SUPERVISION__SILENCE_S": str(SILENCE_S)}
"""For stations whose tests wait until a hung part is replaced. All others have the default: on a busy machine a part
may get no processor for some seconds, and must not be replaced for that."""
ANY_NUMBER_OF_KILLS = {"SKYCAM_SUPERVISION__HEALTHY_S": "0.2", "SKYCAM_SUPERVISION__CRASH_LOOP_EXITS": "100000"}
"""Restarts count as healthy at once, and no part ends in a crash loop."""
MANY_VIEWERS = {
    **{f"LIVE_STREAMING_CONFIG__{name}": "1000" for name in ("MAX_VIEWERS", "MAX_VIEWERS_PER_USER")},
    "SKYCAM_WEB__LIMITS__CONNECTIONS_PER_ADDRESS": "1000",
}
"""Limits that allow many viewers from one machine."""
MIGRATIONS_S = 20.0
"""How long all migrations take."""
WITH_SERVICE = {"SKYCAM_SERVICE__ENABLED": "true"}
"""For stations whose PixeLink service is used. Others run without it, and start sooner."""
PASSING = ("PATH", "HOME", "LANG", "TMPDIR", "COVERAGE_PROCESS_START")


def free_port() -> int:
    """A free port below those of outgoing connections, one of which could take it before the station listens. No other
    process of any run gets it while this process lives: each has the name of its ports in the kernel."""
    lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text(encoding="ascii").split()[0])
    for port in random.SystemRandom().sample(range(10_000, lowest), 1000):
        name = KernelName(f"port-{port}")
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            if name.take():
                return port
    raise AssertionError(f"Of 1000 ports from 10000 to {lowest - 1} none is free on 127.0.0.1. Stop what uses them.")


class Station:
    """Its launcher's process and the parts that this runs; `api`, `service` (PixeLink), `database`,
    `cameras` and `spools` are the ways to it."""

    def __init__(self, data: Path, database: StationDatabase | None = None, /, **variables: str) -> None:
        self.data = data
        self.finds_database = "DATABASE_URL" not in variables
        """Whether it finds a database that needs no migrations. A test of the first start sets it to False."""
        self.python = sys.executable
        """That of its launcher, and so of all its parts."""
        self.port, self.service_port, self.metrics_port = free_port(), free_port(), free_port()
        self.files_port = free_port()
        own = {"SKYCAM_DATA": str(data), "WEB_PORT": str(self.port)}
        own |= {"SERVICE_PORT": str(self.service_port), "SKYCAM_SERVICE__ENABLED": "false"}
        own["PROMETHEUS_PORT"] = str(self.metrics_port)
        own |= {"FILES_PORT": str(self.files_port), "SKYCAM_FILES__HOST": "127.0.0.1"}
        own["SKYCAM_ADMIN_PASSWORD"] = PASSWORD
        own |= NOT_LOWERED
        own["SKYCAM_OFFSITE_ROOTS"] = tempfile.gettempdir()
        self.environment = {name: os.environ[name] for name in PASSING if name in os.environ} | own | variables
        self.process: subprocess.Popen[str] | None = None
        self.output_file = data.parent / f"{data.name[:40]}.out"
        self.api, self.service = ApiClient(self.port), PixelinkService(self.service_port)
        self.database = database or StationDatabase(data / "skycam.sqlite3")
        self.cameras = StationCameras(self.api, self.database, lambda: self._running_pids()["cameras"])
        self.spools = StationSpools(lambda: self.config.storage_root, self.database, self.run)

    @property
    def config(self) -> SkycamConfig:
        return ConfigManager(environment=self.environment, here=self.data.parent).config

    @property
    def shared_identity(self) -> dict[str, str]:
        """What every machine of this station is given."""
        return {"SKYCAM_STATION": self.config.station.id, "SKYCAM_ADDRESS_SECRET": self.config.address_secret}

    def start(self, only: str = "", wrapped_in: tuple[str, ...] = ()) -> Self:
        if self.finds_database and not only:
            place_database(self.data)
        command = [*wrapped_in, *self.launcher_command(only)]
        # Two stations of one folder write to one file: each appends, and overwrites nothing of the other.
        self.output_file.write_text("")
        with self.output_file.open("a") as output:
            self.process = subprocess.Popen(
                command, env=self.environment, cwd=self.data.parent, stdout=output, stderr=output
            )
        return self

    def launcher_command(self, only: str) -> list[str]:
        return [self.python, "-c", RUN, only]

    def up(self, wrapped_in: tuple[str, ...] = ()) -> Self:
        self.start(wrapped_in=wrapped_in)
        self.eventually_says("Skycam is at", takes_s=0.0 if self.finds_database else MIGRATIONS_S)
        eventually(lambda: self.states() == {"running"}, "all parts run")
        return self

    def up_with_camera(self) -> Self:
        """Up, and the simulated camera is ready."""
        self.up()
        self.cameras.eventually_ready()
        return self

    def output(self) -> str:
        return self.output_file.read_text()

    def eventually_says(self, text: str, takes_s: float = 0.0) -> None:
        eventually(lambda: text in self.output(), lambda: f"{text!r}, but: {self.output()}", takes_s)

    def status(self) -> int:
        """The exit status of its launcher, once this has ended."""
        assert self.process is not None
        return self.process.wait(PATIENCE_S)

    def interrupt(self, number: signal.Signals = signal.SIGINT) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def stop(self, number: signal.Signals = signal.SIGINT) -> int:
        self.interrupt(number)
        return self.status()

    def ensure_stopped(self) -> None:
        """Stop it, and remove its files outside its folder: the sockets of a long path."""
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        sockets = socket_path(self.data, "launcher").parent
        if not sockets.is_relative_to(self.data):
            shutil.rmtree(sockets)

    def parts(self) -> dict[str, dict[str, Any]]:
        return {row["name"]: row for row in ps(self.config)}

    def states(self) -> set[str]:
        return {row["state"] for row in self.parts().values()}

    def pid_of_running(self, part: str, other_than: int = 0) -> int:
        """The pid of a part, as soon as it runs: between two of its processes it has none."""

        def found() -> int:
            pid = self._running_pids().get(part, 0)
            return pid if pid != other_than else 0

        return int(eventually(found, lambda: f"{part} runs: {self.parts()}"))

    def running_pids(self) -> dict[str, int]:
        """Part -> pid, as soon as all parts run."""
        return dict(eventually(self._pids_of_all, lambda: f"all parts run: {self.parts()}"))

    def _pids_of_all(self) -> dict[str, int] | None:
        parts, found = self.parts(), self._running_pids()
        return found if found.keys() == parts.keys() else None

    def _running_pids(self) -> dict[str, int]:
        """By the launcher's table, and without those that have ended meanwhile."""
        rows = self.parts().items()
        return {name: row["pid"] for name, row in rows if row["state"] == "running" and is_alive(row["pid"])}

    def part(self, name: str) -> psutil.Process:
        """The process of a part, as soon as it runs."""
        return psutil.Process(self.pid_of_running(name))

    def processes(self) -> list[psutil.Process]:
        assert self.process is not None
        launcher = psutil.Process(self.process.pid)
        return [launcher, *launcher.children(recursive=True)]

    def back_with(self, part: str, reason: str) -> dict[str, Any]:
        """The row of a part once it runs again for that reason."""

        def found() -> dict[str, Any] | None:
            row = self.parts().get(part)  # one of a worker that is starting has none
            return row if row and row["reason"] == reason and row["state"] == "running" else None

        return dict(eventually(found, lambda: f"{part} back with {reason!r}: {self.output()}"))

    def prepare(self) -> None:
        """Create its database and make its first start without starting a part."""
        if self.finds_database:
            place_database(self.data)
        self.run("-m", "skycam_project.launch.prepare", "2")

    def run(self, *words: str) -> str:
        """Run Python with this station's environment; returns its output."""
        done = subprocess.run(
            [self.python, *words], env=self.environment, cwd=PROJECT, capture_output=True, text=True,
            timeout=PATIENCE_S, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    def log(self) -> str:
        return (self.data / "logs" / "skycam.log").read_text()
