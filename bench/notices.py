"""Notices of captures, from the process that ingests them to the sockets of `ws/captures/`."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from contextlib import AsyncExitStack
from dataclasses import asdict

import psutil
from websockets.asyncio.client import ClientConnection

from bench.figures import Table, Times
from bench.live import cpu_seconds
from bench.publishing import Publishing
from bench.runs import PROJECT, Runs
from tests.harness.clients.station_sockets import open_socket
from tests.harness.stations.station import Station

SOCKETS = (1, 20, 100)
PER_S = 50
COUNT = 500
IDLE_S = 5.0
ARRIVAL_S = 2.0
CAMERA = "simulated"


def run(runs: Runs) -> list[Table]:
    found = Table(f"Notices of captures, {PER_S} a second, from publishing to the socket")
    station = Station(runs.folder / "notices", SKYCAM_WEB__LIMITS__SOCKETS_PER_USER=str(2 * max(SOCKETS)))
    try:
        station.up_with_camera()
        for sockets in SOCKETS:
            asyncio.run(add_rows(found, station, sockets, runs.times(COUNT)))
        station.stop()
    finally:
        station.ensure_stopped()
    return [found]


async def add_rows(found: Table, station: Station, sockets: int, notices: int) -> None:
    late_ms: list[float] = []
    web = {"web": station.part("web")}
    async with AsyncExitStack() as stack:
        for _ in range(sockets):
            opened = await stack.enter_async_context(open_socket(station, "/ws/captures/"))
            reading = asyncio.create_task(read(opened, late_ms))
            stack.callback(reading.cancel)
        await asyncio.sleep(1)
        idle = await idle_share(web)
        before, began = cpu_seconds(web), time.monotonic()
        sender_ms = await publish(station, Publishing(CAMERA, PER_S, notices))
        await asyncio.sleep(ARRIVAL_S)
        web_s = cpu_seconds(web)["web"] - before["web"] - idle * (time.monotonic() - began)
    lost = sockets * notices - len(late_ms)
    found.add(f"{sockets} sockets", str(Times(tuple(late_ms))), note=f"{lost} of {sockets * notices} lost")
    found.add(
        f"{sockets} sockets, processor time of a notice", f"{1000 * web_s / notices + sender_ms:.2f} ms",
        note=f"publisher {sender_ms:.2f} ms, web {1000 * web_s / notices:.2f} ms",
    )  # fmt: skip


async def read(opened: ClientConnection, late_ms: list[float]) -> None:
    async for text in opened:
        came_us = time.monotonic_ns() / 1000
        late_ms.append((came_us - float(json.loads(text)["data"]["reason"])) / 1000)


async def idle_share(processes: dict[str, psutil.Process]) -> float:
    """Seconds of processor time that the process takes in a second without notices."""
    before, began = cpu_seconds(processes), time.monotonic()
    await asyncio.sleep(IDLE_S)
    return (cpu_seconds(processes)["web"] - before["web"]) / (time.monotonic() - began)


async def publish(station: Station, publishing: Publishing) -> float:
    """Publish from a process of its own; returns the milliseconds of processor time of a notice."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.publishing", cwd=PROJECT,
        env=station.environment | {"REDIS_URL": station.config.redis_url},
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    answer, _ = await process.communicate(json.dumps(asdict(publishing)).encode())
    return float(answer)
