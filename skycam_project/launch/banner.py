"""The last lines of a start. They go to standard output only, so that the log stream and its file hold no password.

Standard output may itself be a log: a file, or systemd's journal. Then the password is left out. A terminal and a pipe
get it.
"""

from __future__ import annotations

import os
import socket
import stat
import sys

from skycam_project.config.addresses import is_everywhere, is_loopback
from skycam_project.launch.preparation import FirstStart

STDOUT = 1
ADD_CAMERA_LINES = (
    "Find a real camera:  skycam cameras detect",
    "and add it:          skycam cameras add NAME --kind gphoto2",
)


def print_banner(address: str, first: FirstStart, *, given: bool, listens_on: str = "127.0.0.1") -> None:
    lines = [
        f"Skycam is at {address}  {_sign_in_text(first, given=given)}",
        *remote_access_lines(listens_on),
        *ADD_CAMERA_LINES,
    ]
    try:
        print(*lines, sep="\n", flush=True)
    except OSError:
        # The reader has gone. Python flushes sys.stdout again at exit, and would end with status 120.
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115


def remote_access_lines(listens_on: str) -> list[str]:
    """How to open the station from another computer."""
    if is_loopback(listens_on):
        return [
            "From other computers: see docs/station/running.md (SSH, a proxy with TLS, or SKYCAM_WEB__HOST=0.0.0.0)"
        ]
    if is_everywhere(listens_on):
        return [f"From other computers: by this machine's name, {socket.gethostname()}, or one of its addresses"]
    return []


def _sign_in_text(first: FirstStart, *, given: bool) -> str:
    if not first["admin_created"]:
        return "(sign in as admin; a new password: skycam users set admin --password)"
    if given:
        return "(sign in as admin / the password in SKYCAM_ADMIN_PASSWORD)"
    if _is_log(os.fstat(STDOUT)):
        return "(sign in as admin; this is a log, so set a password: skycam users set admin --password)"
    return f"(sign in as admin / {first['admin_password']})"


def _is_log(output: os.stat_result) -> bool:
    """Whether the output is stored. JOURNAL_STREAM alone does not prove it: a terminal may inherit the variable."""
    the_journal = os.environ.get("JOURNAL_STREAM") == f"{output.st_dev}:{output.st_ino}"
    return the_journal or stat.S_ISREG(output.st_mode)
