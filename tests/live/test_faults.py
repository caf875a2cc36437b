"""The whole path of a running station: bad viewers beside good ones, and parts killed while someone watches."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from typing import Any

import pytest

from tests.harness.clients.station_sockets import BINARY, open_socket, wait_for_subscription
from tests.harness.clients.viewers import (
    LIVE,
    REQUEST,
    NonReadingViewer,
    frame_head,
    received_further,
    reconnect_repeatedly,
    send_garbage,
    send_raw,
    watching,
)
from tests.harness.processes.alive import is_alive
from tests.harness.stations.station import Station
from tests.harness.waiting import PATIENCE_S, eventually_in_loop

MEGABYTE = 1_000_000
STALLED_S = 10.0
"""After this time without reading a viewer is disconnected."""


@pytest.fixture
def session(station: Station) -> Iterator[str]:
    """A session that takes a picture each half second."""
    yield station.cameras.start_session(cadence_s=0.5)
    station.api.ask("POST", "cameras/simulated/stop/", {})


@contextlib.asynccontextmanager
async def running_tasks(*work: Coroutine[Any, Any, None]) -> AsyncIterator[list[asyncio.Task[None]]]:
    tasks = [asyncio.create_task(one) for one in work]
    try:
        yield tasks
    finally:
        [task.cancel() for task in tasks]
        await asyncio.gather(*tasks, return_exceptions=True)


@contextlib.asynccontextmanager
async def bad_viewers(station: Station) -> AsyncIterator[Callable[[], bool]]:
    """250 viewers that do not read or reconnect, and one that sends garbage. Yields whether all that do not read have
    been disconnected."""
    non_reading = [NonReadingViewer(station) for _ in range(200)]
    bad = [
        *(one.run() for one in non_reading),
        *(reconnect_repeatedly(station) for _ in range(50)),
        send_garbage(station),
    ]
    async with running_tasks(*bad) as tasks:
        yield lambda: all(one.is_cut for one in non_reading)
        [task.result() for task in tasks if task.done()]


async def test_all_viewers_of_a_quality_share_its_pictures(station: Station) -> None:
    encoded = defaultdict[int, set[int]](set)
    async with watching(station, 5) as seen:
        await received_further(seen, 30)
    for one in seen:
        [encoded[number].add(at) for number, at in zip(one.numbers, one.sent_us, strict=True)]
    assert [number for number, times in encoded.items() if len(times) > 1] == []


async def test_bad_viewers_cost_others_no_frame_no_capture_and_the_web_part_no_memory(
    station: Station, session: str
) -> None:
    web = station.part("web")
    async with watching(station, 2) as seen:
        before = web.memory_info().rss
        async with bad_viewers(station) as all_are_cut:
            await received_further(seen, 100)
            await eventually_in_loop(all_are_cut, takes_s=STALLED_S)
            await received_further(seen, 20)
        assert web.memory_info().rss - before < 80 * MEGABYTE
    assert "Traceback" not in station.log()
    ledger = station.api.ask("GET", f"sessions/{session}/")
    assert ledger["failed"] == 0
    assert ledger["saved"] > 0
    assert {gap["reason"] for gap in ledger["gaps"]} <= {"overrun"}  # a busy machine overruns some starts


async def test_a_viewer_that_never_reads_is_disconnected(station: Station) -> None:
    non_reading = NonReadingViewer(station)
    async with running_tasks(non_reading.run()):
        await eventually_in_loop(lambda: non_reading.is_cut, takes_s=STALLED_S)


async def test_ten_megabytes_are_refused_before_they_are_read(station: Station) -> None:
    head = bytes([0x81, 0xFF]) + (10 * MEGABYTE).to_bytes(8, "big") + bytes(4)
    answer = await send_raw(station, head + bytes(1000))
    assert int.from_bytes(answer[2:4], "big") == 1009


async def test_invalid_utf_8_closes_the_socket_without_a_traceback(station: Station) -> None:
    answer = await send_raw(station, frame_head(4) + bytes(4) + b"\xff\xfe\xfd\xfc")
    assert int.from_bytes(answer[2:4], "big") == 1003
    assert "Traceback" not in station.log()


async def test_twenty_viewers_resume_after_the_broker_was_killed(station: Station) -> None:
    async with watching(station, 20) as seen:
        killed = await asyncio.to_thread(station.pid_of_running, "valkey")
        os.kill(killed, signal.SIGKILL)
        await asyncio.to_thread(station.pid_of_running, "valkey", killed)
        await received_further(seen, 10)


async def test_viewers_resume_after_the_camera_process_was_killed(station: Station) -> None:
    async with watching(station, 3) as seen:
        (await asyncio.to_thread(station.cameras.process)).kill()
        await eventually_in_loop(lambda: all(one.restarts for one in seen))


async def test_viewers_do_not_keep_the_web_part_from_stopping(station: Station) -> None:
    non_reading = [NonReadingViewer(station) for _ in range(10)]
    async with (
        watching(station, 3) as seen,
        streams(station, 1),
        running_tasks(*(one.run() for one in non_reading)),
    ):
        await received_further(seen, 60)  # by now the station's buffers for those that do not read are full
        web = await asyncio.to_thread(station.part, "web")
        web.terminate()
        await eventually_in_loop(lambda: not is_alive(web.pid))
    await asyncio.to_thread(station.back_with, "web", "web killed by SIGTERM")


@contextlib.asynccontextmanager
async def streams(station: Station, count: int) -> AsyncIterator[None]:
    """`count` MJPEG streams, each of which has sent a picture; they are read meanwhile."""
    has_picture = [asyncio.Event() for _ in range(count)]
    async with running_tasks(*(read_stream(station, one) for one in has_picture)) as tasks:
        await eventually_in_loop(lambda: any(task.done() for task in tasks) or all(one.is_set() for one in has_picture))
        [task.result() for task in tasks if task.done()]
        yield


async def read_stream(station: Station, has_picture: asyncio.Event) -> None:
    """Read a stream until the station ends it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", station.port)
    address, token = "/api/v1/cameras/simulated/stream.mjpeg", station.api.token
    writer.write(f"GET {address} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Token {token}\r\n\r\n".encode())
    try:
        await reader.readuntil(b"Content-Type: image/jpeg")
        has_picture.set()
        while await reader.read(65536):
            pass
    finally:
        writer.close()


async def test_twenty_streams_have_one_subscription(station: Station) -> None:
    """The camera's process encodes a quality once for each frame, however many subscribe to it."""
    async with watching(station, 1), streams(station, 20):
        await wait_for_subscription(station, "live", "simulated", "medium")


async def test_a_capture_is_announced_to_a_page(station: Station) -> None:
    async with open_socket(station, "/ws/captures/") as opened, asyncio.timeout(PATIENCE_S):
        await wait_for_subscription(station, "captures")
        capture = await asyncio.to_thread(station.cameras.saved_capture)
        # Earlier captures may be announced, too.
        while (update := json.loads(await opened.recv())).get("data", {}).get("capture") != capture["id"]:
            pass
    assert update["type"] == "capture_update"


async def test_json_and_binary_sockets_work_side_by_side(station: Station) -> None:
    async with watching(station, 1), open_socket(station, LIVE) as text, open_socket(station, LIVE, BINARY) as binary:
        async with asyncio.timeout(PATIENCE_S):
            await text.send(REQUEST)
            assert isinstance(await text.recv(), str)
            await binary.send(REQUEST)
            while isinstance(await binary.recv(), str):  # a busy machine may have no picture yet
                await binary.send(REQUEST)


def set_recording(station: Station, kind: str) -> None:
    station.database.execute("UPDATE cameras_camera SET recording = ? WHERE slug = 'simulated'", kind)


def lost_frames(station: Station) -> list[tuple[int]]:
    """Of each clip."""
    return station.database.rows("SELECT lost_frames FROM captures_clip")


@pytest.mark.prove
async def test_bad_viewers_cost_a_recording_no_frame_and_the_web_part_no_memory(station: Station) -> None:
    web = station.part("web")
    set_recording(station, "rolling")
    async with watching(station, 2) as seen:
        before = web.memory_info().rss
        async with bad_viewers(station) as all_are_cut:
            await received_further(seen, 300)
            await eventually_in_loop(all_are_cut, takes_s=STALLED_S)
    set_recording(station, "")
    await eventually_in_loop(lambda: lost_frames(station))
    assert lost_frames(station) == [(0,)]
    assert web.memory_info().rss - before < 80 * MEGABYTE
