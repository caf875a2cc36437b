"""A machine in namespaces that a real systemd runs. Its files are those of the real one; its changes are lost."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from tests.harness.waiting import PATIENCE_S, eventually

BOOT = Path(__file__).with_name("boot.sh")
MISSING = "systemd did not boot ({}). This test needs root: run `sudo -E make test-stations`."
CLEAN = ("env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin")
"""Without the variables of the test run."""
NAMESPACES = ("--mount", "--pid", "--uts", "--ipc", "--net", "--cgroup")


class SystemdMachine:
    """`directories` are seen in /opt by their keys."""

    def __init__(self, folder: Path, directories: Mapping[str, Path]) -> None:
        self._folder, self._directories = folder, directories
        self._log = folder / "boot.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._init = ""

    def __enter__(self) -> Self:
        """Returns when systemd has booted."""
        root = self._folder / "machine"
        root.mkdir()
        seen = [f"{path}:{name}" for name, path in self._directories.items()]
        # --kill-child: with systemd, the init of the namespace, all that it runs ends.
        command = ["unshare", *NAMESPACES, "--propagation", "private", "--fork", "--kill-child=KILL", "sh", str(BOOT)]
        with open(self._log, "wb") as log:
            self._process = subprocess.Popen(
                [*command, str(root), *seen], stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
        try:
            self._init = eventually(children.read_text, self._problem).strip()
            eventually(self._is_booted, self._problem)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process
        self._process.kill()
        self._process.wait(timeout=PATIENCE_S)

    def write(self, path: str, text: str) -> None:
        self.run("tee", path, given=text)

    def run(self, *words: str, check: bool = True, given: str = "") -> str:
        """What the command prints; `given` is its input. If it fails, and `check`, an assertion shows that."""
        done = subprocess.run(
            ["nsenter", "--target", self._init, "-m", "-p", "-u", "-i", "-n", "-C", *CLEAN, *words],
            input=given, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=3 * PATIENCE_S,
        )  # fmt: skip
        assert done.returncode == 0 or not check, f"{words}: {done.stdout}"
        return done.stdout

    def property_of(self, unit: str, name: str) -> str:
        return self.run("systemctl", "show", "--property", name, "--value", unit).strip()

    def _is_booted(self) -> bool:
        return self.run("systemctl", "is-active", "basic.target", check=False).strip() == "active"

    def _problem(self) -> str:
        return MISSING.format(self._log.read_text())
