"""The banner shows the first password to people, not to logs."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from skycam_project.launch.preparation import remote_access_lines

SHOW = """
from skycam_project.launch.preparation import print_banner
print_banner("http://127.0.0.1:8080", {"admin_created": True, "admin_password": "first-password"}, given=False)
"""
WITHHELD = "(sign in as admin; this is a log, so set a password: skycam users set admin --password)"
SHOWN = "(sign in as admin / first-password)"


def show_on(output: int, **variables: str) -> None:
    own = {"PATH": os.environ["PATH"], **variables}
    subprocess.run([sys.executable, "-c", SHOW], env=own, stdout=output, check=True)


def identity(descriptor: int) -> str:
    """The identity of a file, as systemd writes it to JOURNAL_STREAM."""
    found = os.fstat(descriptor)
    return f"{found.st_dev}:{found.st_ino}"


def read_to_the_end(descriptor: int) -> str:
    """What was written, once all writers have closed it: a terminal ends with EIO."""
    with os.fdopen(descriptor, "rb", buffering=0) as file, suppress(OSError):
        written = b""
        while piece := file.read(4096):
            written += piece
    return written.decode()


def test_a_pipe_gets_the_password() -> None:
    reader, writer = os.pipe()
    show_on(writer)
    os.close(writer)
    assert SHOWN in read_to_the_end(reader)


def test_a_terminal_gets_the_password_also_below_a_user_service() -> None:
    screen, terminal = os.openpty()
    show_on(terminal, JOURNAL_STREAM="8:1234")
    os.close(terminal)
    assert SHOWN in read_to_the_end(screen)


def test_a_file_does_not_get_the_password(tmp_path: Path) -> None:
    with (tmp_path / "up.log").open("w") as file:
        show_on(file.fileno())
    assert WITHHELD in (tmp_path / "up.log").read_text()


def test_the_journal_does_not_get_the_password() -> None:
    ours, journals = socket.socketpair()
    with ours, journals:
        show_on(journals.fileno(), JOURNAL_STREAM=identity(journals.fileno()))
        assert WITHHELD in ours.recv(4096).decode()


@pytest.mark.parametrize(
    ("listens_on", "message"),
    [("127.0.0.1", "see docs/station/running.md"), ("0.0.0.0", f"by this machine's name, {socket.gethostname()}")],
)
def test_the_banner_says_how_to_open_the_station_from_another_computer(listens_on: str, message: str) -> None:
    assert message in remote_access_lines(listens_on)[0]


def test_a_station_at_one_address_is_reached_there() -> None:
    assert remote_access_lines("192.0.2.7") == []
