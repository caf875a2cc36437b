"""Runs `prepare` in its own process, reads its result from a pipe, so that no log contains it, and prints the last
lines of a start with it. They go to standard output only. That may itself be a log, a file or systemd's journal: then
the password is left out. A terminal and a pipe get it."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import stat
import sys
from typing import TypedDict

from skycam_project.config.network import is_everywhere, is_loopback
from skycam_project.launch.child import Child
from skycam_project.launch.forks import FORK_SERVER, ForkServer
from skycam_project.launch.log_stream import LogStream
from skycam_project.launch.parts import Plan
from skycam_project.launch.preflight import LaunchError


class FirstStart(TypedDict):
    """What the first start did. `admin_password` is the password that was generated just now; it is stored nowhere."""

    admin_created: bool
    admin_password: str | None


async def run_preparation(plan: Plan, forks: ForkServer, stream: LogStream, only: str | None) -> FirstStart | None:
    """Prepare the whole station, or one part; returns what the first start did. Raises LaunchError when that fails."""
    answer, answer_end = os.pipe()
    try:
        status = await _run(plan, forks, stream, answer_end, only or "")
        if status != 0:
            stream.repeat_tail("prepare")
            raise LaunchError(f"The station could not be prepared: prepare ended with status {status}.")
        # Only after status 0: the launcher holds a write end too, so it would wait for ever at an empty pipe.
        found = json.loads(os.read(answer, 4096))
        if "refused" in found:
            raise LaunchError(found["refused"])
        first: FirstStart | None = found["first"]
        return first
    finally:
        os.close(answer_end)
        os.close(answer)


async def _run(plan: Plan, forks: ForkServer, stream: LogStream, answer_end: int, part: str) -> int:
    password = _filled_pipe(plan.config.admin_password or "")
    command = [sys.executable, "-m", "skycam_project.launch.prepare", str(answer_end), part, str(password)]
    start = forks.forked("skycam prepare", command, {}, [answer_end, password])
    try:
        child = await Child.start(start, lambda line: stream.write_line("prepare", line), on_heartbeat=lambda: None)
    except OSError as error:
        stream.repeat_tail(FORK_SERVER)
        raise LaunchError(f"The station could not be prepared: {error}.") from None
    finally:
        os.close(password)
    try:
        return await child.wait()
    except asyncio.CancelledError:
        child.kill()  # safe: each migration and the first start are transactions
        raise


def _filled_pipe(text: str) -> int:
    """The end for reading of a pipe, which has room for the longest password. Only the process that reads it gets the
    password: a request to the fork server would stay in the memory from which all parts are forked, and
    `part_environment` keeps it from their environment."""
    end, write_end = os.pipe()
    with open(write_end, "w", encoding="utf-8") as file:
        file.write(text)
    return end


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
