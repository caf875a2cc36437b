"""Two web processes of one station: their viewers count together, and a killed one's are forgotten."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import json
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection

from tests.harness.clients.station_sockets import BINARY, open_socket
from tests.harness.clients.viewers import LIVE, REQUEST
from tests.harness.stations.http_client import ApiClient
from tests.harness.stations.station import MANY_VIEWERS, Station
from tests.harness.waiting import PATIENCE_S, POLL_S, eventually

MOST = 3


@pytest.fixture(scope="module")
def station(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Station]:
    """A station where one user may have three viewers."""
    data = tmp_path_factory.mktemp("webs") / "data"
    variables = {"MAX_VIEWERS_PER_USER": str(MOST), "QUALITY_PRESETS__LOW__SIZE": "320"}
    own = {f"LIVE_STREAMING_CONFIG__{name}": value for name, value in variables.items()}
    found = Station(data, **(MANY_VIEWERS | own))
    try:
        yield found.up_with_camera()
    finally:
        found.ensure_stopped()


class Second:
    """A second web process, on a port of its own."""

    def __init__(self, station: Station) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listening:
            self.at = copy.copy(station)
            self.at.port = listening.getsockname()[1]
            self.at.api = ApiClient(self.at.port)
            self.process = subprocess.Popen(
                [sys.executable, "-m", "skycam_project.launch.web", str(listening.fileno())],
                env=station.environment, cwd=station.data.parent, pass_fds=[listening.fileno()],
            )  # fmt: skip
        eventually(
            lambda: self.at.api.get("cameras/simulated/status/")["observed"] == "ready",
            "the second web process answers",
        )

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture(scope="module")
def second(station: Station) -> Iterator[Second]:
    found = Second(station)
    yield found
    found.kill()


@pytest.fixture(autouse=True)
def no_viewers(station: Station) -> None:
    eventually(lambda: not viewer_ids(station), "earlier viewers are forgotten")


async def answer(opened: ClientConnection) -> str:
    """`frame`, or the reason why there is none."""
    await opened.send(REQUEST)
    while isinstance(message := await asyncio.wait_for(opened.recv(), PATIENCE_S), str):
        if json.loads(message)["type"] == "no_frame":
            return str(json.loads(message)["reason"])
    return "frame"


@contextlib.asynccontextmanager
async def watching(station: Station, count: int) -> AsyncIterator[list[ClientConnection]]:
    async with contextlib.AsyncExitStack() as stack:
        opened = [await stack.enter_async_context(open_socket(station, LIVE, BINARY)) for _ in range(count)]
        for one in opened:
            await wait_until_admitted(one)
        yield opened


async def wait_until_admitted(opened: ClientConnection) -> None:
    """A refusal of an earlier test may be repeated for a while."""
    async with asyncio.timeout(PATIENCE_S):
        while await answer(opened) != "frame":
            await asyncio.sleep(POLL_S)  # time: a socket that sends too many messages is closed


async def first_frame(opened: ClientConnection, quality: str) -> dict[str, Any]:
    """Request frames until there is one: the first may take longer than a request waits."""
    frame: dict[str, Any] = {}
    while frame.get("type") != "frame":
        await opened.send(json.dumps({"type": "request_frame", "quality": quality}))
        frame = json.loads(await opened.recv())
    return frame


async def test_a_camera_process_encodes_the_configured_sizes(station: Station) -> None:
    async with open_socket(station, LIVE) as opened, asyncio.timeout(PATIENCE_S):
        frame = await first_frame(opened, "low")
    assert frame["width"] == 320
    assert frame["height"] == 256


async def test_viewers_of_both_count_together(station: Station, second: Second) -> None:
    async with watching(station, 1), watching(second.at, MOST - 1):
        for web in (station, second.at):
            async with open_socket(web, LIVE, BINARY) as further:
                assert await answer(further) == "capacity"


async def test_a_manager_ends_a_view_of_another_web_process(station: Station, second: Second) -> None:
    async with watching(second.at, 1) as (opened,):
        (one,) = await asyncio.to_thread(eventually, lambda: viewer_ids(station))
        await asyncio.to_thread(station.api.ask, "DELETE", f"viewers/{one}/")
        await asyncio.wait_for(opened.wait_closed(), PATIENCE_S)
        assert opened.close_code == 4410


def viewer_ids(station: Station) -> list[str]:
    """The ids of the viewers."""
    return [one["id"] for one in station.api.ask("GET", "viewers/")["results"]]


async def test_the_viewers_of_a_killed_process_are_forgotten_when_their_keys_expire(
    station: Station,
) -> None:
    killed = Second(station)
    try:
        async with open_socket(station, LIVE, BINARY) as waits, watching(killed.at, MOST):
            assert await answer(waits) == "capacity"
            killed.kill()
            await wait_until_admitted(waits)
    finally:
        killed.kill()
