"""The systemd service of Skycam on this machine: its files, and where they are written."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path
from string import Template

from skycam_project.launch.launcher import WITHOUT_PART
from skycam_project.shipped_files import shipped_file

UNIT = Path("/etc/systemd/system/skycam.service")
FILES = {
    UNIT: "deploy/systemd/skycam.service",
    Path("/etc/sysusers.d/skycam.conf"): "deploy/systemd/sysusers.conf",
    Path("/etc/udev/rules.d/70-skycam.rules"): "deploy/systemd/udev.rules",
}
"""Where each file is written, and where Skycam has it."""
ENABLED = UNIT.parent / "multi-user.target.wants" / UNIT.name
HIDDEN = tuple(Path(folder) for folder in ("/home", "/root", "/run/user", "/tmp", "/var/tmp"))  # noqa: S108
"""What the unit's ProtectHome and PrivateTmp hide from the service."""
START = [
    "systemd-sysusers skycam.conf", "udevadm control --reload", "udevadm trigger", "systemctl daemon-reload",
    "systemctl enable --now skycam",
]  # fmt: skip
"""What starts the service after its files are written."""
STOP = "systemctl disable --now skycam"
FORGET = ["systemctl daemon-reload", "udevadm control --reload"]
DESCRIPTIONS = {"station": "Skycam, a whole station", "camera-host": "Skycam, the cameras of this machine"}


class ServiceError(Exception):
    """The service cannot be installed or removed. The message says why and what to do."""


def service_files(prefix: Path, role: str, writable: Iterable[Path] = ()) -> dict[Path, str]:
    """The text of each file. `prefix` is the environment with Skycam; `role` is one of WITHOUT_PART; `writable` are
    folders outside /var/lib/skycam that the service may write."""
    part = WITHOUT_PART[role]
    command = [str(prefix / "bin" / "skycam"), "up", *(() if part is None else ("--only", part))]
    values = {
        "description": DESCRIPTIONS[role],
        "command": " ".join(quoted(word) for word in command),
        # With a - the service starts also while a folder is away, such as a disk that is not plugged in.
        "writable": "\n".join(f"ReadWritePaths={quoted(f'-{folder}')}" for folder in writable),
    }
    texts = {path: shipped_file(source).read_text("utf-8") for path, source in FILES.items()}
    return {path: Template(text).substitute(values) for path, text in texts.items()}


def write_service_files(files: dict[Path, str], root: Path = Path("/")) -> None:
    """Below `root`; what is there is replaced. OSError."""
    for path, text in files.items():
        target = root / path.relative_to("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=target.parent, encoding="utf-8", delete=False) as file:
            file.write(text)
        Path(file.name).chmod(0o644)
        Path(file.name).replace(target)


def remove_service_files(root: Path = Path("/")) -> list[Path]:
    """The files that were there. ServiceError while the service is enabled; OSError."""
    if (root / ENABLED.relative_to("/")).is_symlink():
        raise ServiceError(f"The service starts at boot, so its files were kept. Stop it first: {STOP}")
    found = [path for path in FILES if (root / path.relative_to("/")).exists()]
    for path in found:
        (root / path.relative_to("/")).unlink()
    return found


def quoted(word: str) -> str:
    """A word of a unit: a % would begin a specifier there, a $ a variable."""
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{escaped}"'


def check_readable(folders: Iterable[Path]) -> None:
    """ServiceError if a service could not read one of the folders with Skycam and its Python."""
    for folder in folders:
        if any(folder.resolve().is_relative_to(hidden) for hidden in HIDDEN):
            raise ServiceError(
                f"{folder.resolve()} is hidden from a service, for its protection, so it could not start Skycam from "
                "there. Install Skycam into /opt/skycam, with a Python of the system (docs/station/installing.md), and "
                "run /opt/skycam/bin/skycam install-service."
            )
