"""The launcher's control socket in the data folder: list the parts, restart a part, pause the whole station. A
request and its answer are one line of JSON each. Only the folder's owner can open the socket (mode 0600). During a
pause the parts are stopped, and the launcher then reads its configuration again. The client's connection is the
pause: if the client is killed, the station starts again, with whatever the configuration says by then."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import socket
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol

from skycam_project.config import SkycamConfig
from skycam_project.launch.part import PartRow
from skycam_project.launch.parts import PARTS
from skycam_project.launch.preflight import LaunchError, control_path


class Pause:
    """`end` ends the launcher's run."""

    def __init__(self, end: Callable[[], None]) -> None:
        self._end = end
        self.is_requested = False
        self._stopped, self._over = asyncio.Event(), asyncio.Event()

    async def begin(self) -> None:
        """Returns when all parts are stopped. One client at a time: the second waits for the same stop."""
        self.is_requested = True
        self._end()
        await self._stopped.wait()

    def end(self) -> None:
        self._over.set()

    async def hold(self) -> None:
        """For the launcher, whose parts are stopped: returns when the pause is over."""
        self._stopped.set()
        await self._over.wait()


TIMEOUT_S = 90.0  # longer than a restart may take: stop_s and start_s of Timings, together 68 s


class Controlled(Protocol):
    """What a request may name."""

    def row(self) -> PartRow: ...

    async def restart(self) -> PartRow:
        """LaunchError when it does not run again."""


class LauncherEnded(LaunchError):
    """It ended while it was asked."""


async def serve(path: Path, parts: Mapping[str, Controlled], pause: Pause | None = None) -> asyncio.Server:
    """Answer requests on the socket `path` until the returned server is closed. Without `pause` none is possible."""

    async def handle_connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = b""
        try:
            # Empty when `is_listening` has connected: it sends nothing.
            if line := await reader.readline():
                writer.write(json.dumps(await _handle_request(line, parts, pause)).encode() + b"\n")
                await writer.drain()
                if pause and pause.is_requested and b'"pause"' in line:
                    await reader.read()  # until the client lets go of it, or is killed
        except ConnectionError:
            return  # the client has gone
        finally:
            if pause and b'"pause"' in line:
                pause.end()
            writer.close()

    return await asyncio.start_unix_server(handle_connection, sock=_bind_private_socket(path))


def close(server: asyncio.Server, path: Path) -> None:
    server.close()
    path.unlink(missing_ok=True)


def _bind_private_socket(path: Path) -> socket.socket:
    """A socket at `path` for the folder's owner only. It replaces one that a killed launcher left."""
    # Safe: this launcher has the lock of the folder, so no other one listens at this path.
    path.unlink(missing_ok=True)
    bound = socket.socket(socket.AF_UNIX)
    # bind() creates the file with the mode of the umask; a chmod() after it would come a moment too late.
    before = os.umask(0o177)
    try:
        bound.bind(str(path))
    finally:
        os.umask(before)
    return bound


async def _handle_request(line: bytes, parts: Mapping[str, Controlled], pause: Pause | None) -> dict[str, Any]:
    try:
        request = json.loads(line)
        if request["ask"] == "ps":
            return {"parts": [part.row() for part in parts.values()]}
        if request["ask"] == "pause":
            if pause is None:
                raise LaunchError("These parts stop with their worker.")
            await pause.begin()
            return {"paused": True}
        return {"part": await _find_part(request["part"], parts).restart()}
    except LaunchError as error:
        return {"error": str(error)}
    except (ValueError, KeyError, TypeError):
        return {"error": "The launcher did not understand the request."}


def _find_part(name: str, parts: Mapping[str, Controlled]) -> Controlled:
    if name not in parts:
        raise LaunchError(f"There is no part {name} here. There are: {', '.join(parts)}.")
    return parts[name]


def ps(config: SkycamConfig) -> list[dict[str, Any]]:
    """The parts that run on this data folder, each with the memory of its processes. Raises LaunchError without any."""
    rows = part_rows(config)
    pids = {row["pid"] for row in rows}
    return [{**row, **_memory(row["pid"], pids - {row["pid"]})} for row in rows]


def part_rows(config: SkycamConfig) -> list[dict[str, Any]]:
    """The parts that run on this data folder. Raises LaunchError without any."""
    found = [row for only in _running_launchers(config) for row in _rows_of(config, only)]
    order = list(PARTS)
    return sorted(found, key=lambda row: order.index(row["name"]))


def _rows_of(config: SkycamConfig, only: str | None) -> list[dict[str, Any]]:
    """None of a worker that has just ended: what started it shows that."""
    try:
        rows: list[dict[str, Any]] = _send_request(config, only, {"ask": "ps"})["parts"]
    except LauncherEnded:
        if only and PARTS[only].parent:
            return []
        raise
    return rows


def restart(config: SkycamConfig, part: str) -> dict[str, Any]:
    """Restart a part and wait until it runs; returns its row. Raises LaunchError with a sentence when it does not."""
    launchers = _running_launchers(config)
    running = (only for only in launchers if part in {row["name"] for row in _rows_of(config, only)})
    only = next(running, launchers[0])  # one that does not run it answers what there is
    row: dict[str, Any] = _send_request(config, only, {"ask": "restart", "part": part})["part"]
    return row


@contextmanager
def paused(config: SkycamConfig) -> Iterator[None]:
    """The parts of the whole station are stopped; its launcher starts them again after the block, or when this process
    dies. LaunchError."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(TIMEOUT_S)
        try:
            connection.connect(str(control_path(config)))
            connection.sendall(json.dumps({"ask": "pause"}).encode() + b"\n")
            answer = json.loads(connection.makefile().readline() or "null")
        except (OSError, ValueError) as error:
            raise LaunchError(f"The station could not be paused ({error}). It goes on as it was.") from None
        if answer is None:
            raise LaunchError("The station was stopped meanwhile.")
        # The launcher of an older version does not know what is asked, and its parts go on.
        if answer != {"paused": True}:
            raise LaunchError("The running station is of an older version. Restart it, and run the command again.")
        yield


def wait_until_up(config: SkycamConfig) -> None:
    """After a pause. Raises LaunchError when the station does not start."""
    deadline = time.monotonic() + TIMEOUT_S
    while time.monotonic() < deadline:
        with suppress(LaunchError):
            rows = _send_request(config, None, {"ask": "ps"})["parts"]
            if rows and all(row["state"] == "running" for row in rows):
                return
        time.sleep(0.2)
    raise LaunchError("The station has not started yet. Look into its log: `skycam logs`.")


def _running_launchers(config: SkycamConfig) -> list[str | None]:
    """The launchers that listen: None for the whole station's, else the name of the one part that it runs."""
    found = [only for only in (None, *PARTS) if is_listening(control_path(config, only))]
    if not found:
        raise LaunchError(f"No station runs on {config.data}. Start it with `skycam up`.")
    return found


def is_listening(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as connection:
        # Any other error, such as EACCES, means that there is a launcher; `_send_request` says whose it is.
        return connection.connect_ex(str(path)) not in (errno.ENOENT, errno.ECONNREFUSED)


def _send_request(config: SkycamConfig, only: str | None, request: dict[str, str]) -> dict[str, Any]:
    try:
        answer = _exchange(control_path(config, only), request)
    except (ConnectionError, FileNotFoundError):
        raise LauncherEnded(f"The launcher of {config.data} has just ended.") from None
    except PermissionError:
        raise LaunchError(f"The station on {config.data} belongs to another user of this machine.") from None
    except TimeoutError:
        raise LaunchError(f"The launcher of {config.data} does not answer.") from None
    if "error" in answer:
        raise LaunchError(answer["error"])
    return answer


def _exchange(path: Path, request: dict[str, str]) -> dict[str, Any]:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(TIMEOUT_S)
        connection.connect(str(path))
        connection.sendall(json.dumps(request).encode() + b"\n")
        line = connection.makefile().readline()
    if not line:
        raise ConnectionResetError
    answer: dict[str, Any] = json.loads(line)
    return answer


def _memory(pid: int | None, others: Collection[int | None]) -> dict[str, int]:
    """`rss_bytes` and `pss_bytes` of a process and its descendants, without `others` and theirs; `processes` is their
    number."""
    import psutil

    total = {"processes": 0, "rss_bytes": 0, "pss_bytes": 0}
    for process in process_tree(pid, others):
        try:
            # memory_info() has no PSS, which counts a page that processes share once in their sum.
            info = process.memory_full_info()
        except psutil.Error:
            continue  # it ended meanwhile
        total["processes"] += 1
        total["rss_bytes"] += info.rss
        total["pss_bytes"] += info.pss
    return total


def process_tree(pid: int | None, others: Collection[int | None] = ()) -> list[Any]:
    """The process and its descendants, without `others` and theirs; empty when it has ended. `psutil.Process` each."""
    import psutil

    if pid is None:
        return []
    try:
        root = psutil.Process(pid)
        below = root.children(recursive=True)
    except psutil.NoSuchProcess:
        return []
    hidden, found = set(others), [root]
    for one in below:  # each after its parent
        try:
            is_hidden = bool({one.pid, one.ppid()} & hidden)
        except psutil.NoSuchProcess:
            continue
        if is_hidden:
            hidden.add(one.pid)
        else:
            found.append(one)
    return found
