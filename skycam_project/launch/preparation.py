"""Runs `prepare` in its own process and reads its result from a pipe, so that no log contains it."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from typing import TypedDict

from skycam_project.launch.child import Child
from skycam_project.launch.errors import LaunchError
from skycam_project.launch.forks import FORK_SERVER, ForkServer
from skycam_project.launch.parts import Plan
from skycam_project.launch.stream import LogStream


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
