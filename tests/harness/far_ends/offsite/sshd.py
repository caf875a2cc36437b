"""A real sshd on loopback, for the user who runs the tests, with a key that the test makes."""

from __future__ import annotations

import getpass
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.harness.far_ends.ports import accepts
from tests.harness.stations.station import free_port
from tests.harness.waiting import PATIENCE_S, eventually

SSHD, SFTP = Path("/usr/sbin/sshd"), Path("/usr/lib/openssh/sftp-server")
VAGUE = Path(__file__).with_name("vague_sftp.py")
INSTALL = "sshd is missing. Install it: apt-get install -y --no-install-recommends openssh-server openssh-sftp-server"


class Sshd:
    """`folder` is where users of SFTP begin. `vague`: it answers FAILURE for a file that is not there."""

    def __init__(self, path: Path, *, vague: bool = False) -> None:
        assert SSHD.exists(), INSTALL
        assert SFTP.exists(), INSTALL
        self._path, self.folder = path, path / "home"
        self._sftp = f"{sys.executable} {VAGUE} {SFTP}" if vague else str(SFTP)
        self.folder.mkdir()
        self.port = free_port()
        make_key(path / "user")
        make_key(path / "host")
        Path("/run/sshd").mkdir(exist_ok=True)  # the folder of its privilege separation
        self._write_config()
        self.start()

    def _write_config(self) -> None:
        (self._path / "config").write_text(
            f"Port {self.port}\nListenAddress 127.0.0.1\nHostKey {self._path / 'host'}\nPidFile none\n"
            f"AuthorizedKeysFile {self._path / 'user.pub'}\nStrictModes no\nPasswordAuthentication no\nUsePAM no\n"
            f"PermitRootLogin yes\nSubsystem sftp {self._sftp} -d {self.folder}\n"
        )

    def start(self) -> None:
        log = self._path / "log"
        self._process = subprocess.Popen([SSHD, "-D", "-f", self._path / "config", "-E", log], cwd="/")
        eventually(lambda: accepts(self.port), log.read_text)

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(PATIENCE_S)

    def change_key(self) -> None:
        """As if another server had its address."""
        self.stop()
        (self._path / "host").unlink()
        make_key(self._path / "host")
        self.start()

    @property
    def fingerprint(self) -> str:
        """As OpenSSH's own tool prints it."""
        words = ["ssh-keygen", "-l", "-f", str(self._path / "host.pub")]
        return subprocess.run(words, check=True, capture_output=True, text=True).stdout.split()[1]

    @property
    def settings(self) -> dict[str, Any]:
        return {"host": "127.0.0.1", "port": self.port, "user": getpass.getuser(), "path": "copies"}

    @property
    def secret(self) -> dict[str, Any]:
        return {"private_key": (self._path / "user").read_text()}


def make_key(path: Path) -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)], check=True, input=b"y\n")
