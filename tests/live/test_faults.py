"""The whole path of a running station: bad viewers beside good ones, and parts killed while someone watches."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sqlite3
import time
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import closing
from typing import Any

import psutil
import pytest

from tests.harness.busy_machine import slowness
from tests.harness.clients.station_sockets import BINARY, open_socket
from tests.harness.clients.viewers import (
    LIVE,
    REQUEST,
    NonReadingViewer,
    ReceivedFrames,
    frame_head,
    reconnect_repeatedly,
    send_garbage,
    send_raw,
    watching,
)
from tests.harness.jobs.builders import is_alive
from tests.harness.stations.station import Station
from tests.harness.waiting import eventually_in_loop

MEGABYTE = 1_000_000


@pytest.fixture
def session(station: Station) -> Iterator[str]:
    """A session that takes a picture each half second."""
    camera = "cameras/simulated"
    programme = {"exposure_us": 1000, "cadence_s": 0.5}
    yield str(station.api.ask("POST", f"{camera}/start/", programme)["id"])
    station.api.ask("POST", f"{camera}/stop/", {})


@contextlib.asynccontextmanager
async def running_tasks(*work: Coroutine[Any, Any, None]) -> AsyncIterator[list[asyncio.Task[None]]]:
    tasks = [asyncio.create_task(one) for one in work]
    try:
        yield tasks
    finally:
        [task.cancel() for task in tasks]
        await asyncio.gather(*tasks, return_exceptions=True)


async def fps_of(seen: list[ReceivedFrames], seconds: float) -> float:
    """The lowest frame rate of these viewers over the next seconds."""
    now = time.monotonic()
    await asyncio.sleep(seconds)
    return min(one.fps(now) for one in seen)


async def fps_of_free_machine(seen: list[ReceivedFrames], seconds: float) -> float:
    """As `fps_of`, times the slowness of the machine meanwhile: other programs may keep its processors busy.

    A station that waits for a bad viewer sends no frame on any machine.
    """
    fps, factor = await asyncio.gather(fps_of(seen, seconds), asyncio.to_thread(slowness))
    return fps * factor


async def missed_share(seen: list[ReceivedFrames], seconds: float) -> float:
    """The share of frames that a viewer misses over the next seconds, of the viewer who misses most."""
    before = [len(one.numbers) for one in seen]
    await asyncio.sleep(seconds)
    received = [one.numbers[first:] for one, first in zip(seen, before, strict=True)]
    return max(1 - len(numbers) / (numbers[-1] - numbers[0] + 1) if numbers else 1.0 for numbers in received)


async def resumed(seen: list[ReceivedFrames], after: float, within_s: float) -> float:
    """Seconds from `after` until every viewer has a frame again."""
    await eventually_in_loop(lambda: all(one.came[-1] > after for one in seen))
    return time.monotonic() - after


async def test_every_frame_comes_and_each_is_encoded_once(station: Station) -> None:
    async with watching(station, 5) as seen:
        missed = [await missed_share(seen, 1) for _ in range(3)]
    assert min(missed) <= 0.3  # another test may take the processor for a while
    assert len({number for one in seen for number in one.numbers}) < 1.5 * max(len(one.numbers) for one in seen)


@pytest.mark.timeout(400)
async def test_bad_viewers_cost_others_no_frame_no_capture_and_the_web_part_no_memory(
    station: Station, session: str
) -> None:
    web, non_reading = station.part("web"), [NonReadingViewer(station) for _ in range(200)]
    async with watching(station, 2) as seen:
        usual, before = await fps_of(seen, 3), web.memory_info().rss
        bad = [
            *(one.run() for one in non_reading),
            *(reconnect_repeatedly(station) for _ in range(50)),
            send_garbage(station),
        ]
        async with running_tasks(*bad) as tasks:
            assert max([await fps_of_free_machine(seen, 4) for _ in range(3)]) > 0.6 * usual
            await eventually_in_loop(lambda: all(one.cut for one in non_reading))
            [task.result() for task in tasks if task.done()]
        assert web.memory_info().rss - before < 80 * MEGABYTE
    assert "Traceback" not in station.log()
    ledger = station.api.ask("GET", f"sessions/{session}/")
    assert ledger["failed"] == 0
    assert {gap["reason"] for gap in ledger["gaps"]} <= {"overrun"}
    assert ledger["saved"] > max(20, ledger["skipped"])  # a busy machine overruns some starts


async def test_a_viewer_that_never_reads_is_disconnected_in_time(station: Station) -> None:
    non_reading = NonReadingViewer(station)
    await asyncio.wait_for(non_reading.run(), 80)
    assert non_reading.cut
    assert non_reading.cut > 9


async def test_ten_megabytes_are_refused_before_they_are_read(station: Station) -> None:
    head = bytes([0x81, 0xFF]) + (10 * MEGABYTE).to_bytes(8, "big") + bytes(4)
    answer = await send_raw(station, head + bytes(1000))
    assert int.from_bytes(answer[2:4], "big") == 1009


async def test_invalid_utf_8_closes_the_socket_without_a_traceback(station: Station) -> None:
    answer = await send_raw(station, frame_head(4) + bytes(4) + b"\xff\xfe\xfd\xfc")
    assert int.from_bytes(answer[2:4], "big") == 1003
    assert "Traceback" not in station.log()


async def test_twenty_viewers_resume_after_the_broker_was_killed(station: Station) -> None:
    promised_s = 5 * await asyncio.to_thread(slowness)
    async with watching(station, 20) as seen:
        os.kill(station.pids()["valkey"], signal.SIGKILL)
        killed = time.monotonic()
        await eventually_in_loop(lambda: "broker" in seen[0].reasons or seen[0].came[-1] > killed + 1)
        assert await resumed(seen, killed + 0.5, within_s=60) < promised_s


async def test_viewers_resume_after_the_camera_process_was_killed(station: Station) -> None:
    promised_s = 5 * await asyncio.to_thread(slowness)
    async with watching(station, 3) as seen:
        station.cameras.process().kill()
        await eventually_in_loop(lambda: all(one.restarts for one in seen))
        assert max(one.longest_gap_s for one in seen) < promised_s


async def test_viewers_do_not_delay_a_stop_of_the_web_part(station: Station) -> None:
    promised_s = 3 * await asyncio.to_thread(slowness)
    non_reading = [NonReadingViewer(station) for _ in range(10)]
    async with watching(station, 3), running_tasks(*(one.run() for one in non_reading), mjpeg(station)):
        await asyncio.sleep(4)
        web = station.part("web")
        web.terminate()
        started = time.monotonic()
        await eventually_in_loop(lambda: not is_alive(web.pid))
        assert time.monotonic() - started < promised_s
    await asyncio.to_thread(station.back_with, "web", "web killed by SIGTERM", 60)


async def mjpeg(station: Station) -> None:
    """Read a stream for ever."""
    reader, writer = await asyncio.open_connection("127.0.0.1", station.port)
    address, token = "/api/v1/cameras/simulated/stream.mjpeg", station.api.token
    writer.write(f"GET {address} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Token {token}\r\n\r\n".encode())
    try:
        while await reader.read(65536):
            pass
    finally:
        writer.close()


async def test_twenty_streams_cost_one_encode(station: Station) -> None:
    cpu = station.cameras.process()
    async with watching(station, 1):
        alone = await cpu_of(cpu, 3)
        async with running_tasks(*(mjpeg(station) for _ in range(20))) as tasks:
            assert await cpu_of(cpu, 3) < alone + 10
            [task.result() for task in tasks if task.done()]


async def cpu_of(process: psutil.Process, seconds: float) -> float:
    """Per cent of a core."""
    before = sum(process.cpu_times()[:2])
    await asyncio.sleep(seconds)
    return 100 * (sum(process.cpu_times()[:2]) - before) / seconds


async def test_a_capture_is_announced_to_a_page(station: Station) -> None:
    async with open_socket(station, "/ws/captures/") as opened:
        capture = await asyncio.to_thread(station.api.ask, "POST", "cameras/simulated/capture/", {"exposure_us": 1000})
        update = json.loads(await asyncio.wait_for(opened.recv(), 40))
    assert update["type"] == "capture_update"
    assert update["data"]["capture"] == capture["id"]


async def test_json_and_binary_sockets_work_side_by_side(station: Station) -> None:
    async with watching(station, 1), open_socket(station, LIVE) as text, open_socket(station, LIVE, BINARY) as binary:
        await asyncio.gather(text.send(REQUEST), binary.send(REQUEST))
        found = await asyncio.gather(text.recv(), binary.recv())
    assert [type(one) for one in found] == [str, bytes]


def recorded(station: Station, kind: str) -> None:
    with closing(sqlite3.connect(station.data / "skycam.sqlite3", timeout=20)) as database, database:
        database.execute("UPDATE cameras_camera SET recording = ? WHERE slug = 'simulated'", [kind])


def clips(station: Station) -> list[tuple[int, int]]:
    """Frames and lost frames of each clip."""
    with closing(sqlite3.connect(station.data / "skycam.sqlite3", timeout=20)) as database:
        return database.execute("SELECT frames, lost_frames FROM captures_clip").fetchall()


@pytest.mark.prove
@pytest.mark.timeout(300)
async def test_bad_viewers_cost_a_recording_no_frame_and_the_web_part_no_memory(station: Station) -> None:
    web, non_reading = station.part("web"), [NonReadingViewer(station) for _ in range(200)]
    recorded(station, "rolling")
    async with watching(station, 2) as seen:
        usual, before = await fps_of(seen, 5), web.memory_info().rss
        bad = [
            *(one.run() for one in non_reading),
            *(reconnect_repeatedly(station) for _ in range(50)),
            send_garbage(station),
        ]
        async with running_tasks(*bad):
            worst = await fps_of(seen, 60)
    recorded(station, "")
    await eventually_in_loop(lambda: clips(station))
    assert [lost for _, lost in clips(station)] == [0]
    assert worst > 0.6 * usual
    assert web.memory_info().rss - before < 80 * MEGABYTE
