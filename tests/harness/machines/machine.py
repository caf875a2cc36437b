"""One machine, in namespaces of the kernel."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
import uuid
from pathlib import Path

from tests.harness.stations.station import PASSING
from tests.harness.waiting import PATIENCE_S, eventually

APART = ("--net", "--mount", "--uts", "--ipc", "--pid")
FIRST_PROCESS = "while :; do sleep 3600; done"
"""With its end all others of the machine end."""
REFUSED = (
    "This test makes namespaces of the kernel, which is refused here. Run it as root, and in a container with the "
    "capabilities SYS_ADMIN and NET_ADMIN. "
)


class Machine:
    """It has a name, an address, a boot id, a machine id, processes, and a folder /etc of its own; the rest of the disk
    is that of this machine. Its commands run in the folder `home`, and find those of this Python's environment."""

    def __init__(self, name: str, address: str, folder: Path) -> None:
        self.name, self.address = name, address
        self.disk = folder / name
        self.home, self.etc = self.disk / "home", self.disk / "etc"
        self.home.mkdir(parents=True)
        self.disk.chmod(0o711)
        subprocess.run(["cp", "-a", "/etc", str(self.etc)], check=True)
        (self.etc / "machine-id").write_text(f"{secrets.token_hex(16)}\n")
        self.environment = {name: os.environ[name] for name in PASSING if name in os.environ}
        self.environment["PATH"] = f"{Path(sys.executable).parent}:{self.environment['PATH']}:/usr/sbin:/sbin"
        self.process: subprocess.Popen[str] | None = None
        self._started: list[subprocess.Popen[bytes]] = []

    def power_on(self) -> None:
        (self.disk / "boot_id").write_text(f"{uuid.uuid4()}\n")
        with (self.disk / "refusal").open("w") as refusal:
            self.process = subprocess.Popen(
                ["unshare", *APART, "--fork", "--kill-child", "--mount-proc", "sh", "-c", FIRST_PROCESS],
                start_new_session=True, stderr=refusal, text=True,
            )  # fmt: skip
        eventually(lambda: self.pids() or self.has_failed(), "its first process")
        assert not self.has_failed(), REFUSED + (self.disk / "refusal").read_text()
        self.own_folder(self.etc, "/etc")
        self.own_folder(self.disk / "boot_id", "/proc/sys/kernel/random/boot_id")
        self.run(f"hostname {self.name}; ip link set lo up; mount -t tmpfs tmpfs /dev/shm")

    def power_off(self) -> None:
        """As if its plug was pulled: all its processes are killed. Idempotent."""
        if self.process is not None:
            for process in (self.process, *self._started):
                process.kill()
                process.wait()
            self._started.clear()

    def own_folder(self, folder: Path, at: str) -> None:
        """`folder`, or a file, is at this place of the disk of this machine alone."""
        self.run(f"mount --bind {folder} {at}")

    def has_failed(self) -> bool:
        return self.process is not None and self.process.poll() is not None

    def pids(self) -> list[str]:
        """Of its first process, as this machine sees it."""
        assert self.process is not None
        try:
            return Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        except FileNotFoundError:
            return []

    def command(self, script: str) -> list[str]:
        return ["nsenter", f"--target={self.pids()[0]}", *APART, f"--wd={self.home}", "sh", "-ec", script]

    def run(self, script: str, takes_s: float = 0.0) -> str:
        """The output of a shell's script; AssertionError with it when it fails."""
        done = subprocess.run(
            self.command(script), env=self.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, timeout=PATIENCE_S + takes_s, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{self.name}: {script}\n{done.stdout}"
        return done.stdout

    def start(self, script: str) -> None:
        """In the background. Its output is `said()`."""
        with (self.disk / "output").open("w") as output:
            process = subprocess.Popen(
                self.command(script), env=self.environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                start_new_session=True,
            )  # fmt: skip
        self._started.append(process)

    def said(self) -> str:
        return (self.disk / "output").read_text()
