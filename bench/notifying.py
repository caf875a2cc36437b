"""How soon users see a change: an alert, a notice, a camera that is hidden from them, a picture that is missing."""

from __future__ import annotations

import asyncio
import json
import time
from datetime import datetime
from typing import Any

from websockets.asyncio.client import ClientConnection

from bench.promise import Promise
from bench.sensor import COLD, HOT, KEY, first_reading_s, set_temperature
from tests.harness.clients.station_sockets import BINARY, open_socket
from tests.harness.clients.viewers import LIVE, REQUEST
from tests.harness.kills.faults import stopped
from tests.harness.stations.command_line import run
from tests.harness.stations.http_client import PASSWORD
from tests.harness.stations.station import Station
from tests.harness.waiting import PATIENCE_S, eventually

VIEWER = "ben"


def alert_s(station: Station) -> float:
    """From the first reading above the threshold until the API has the alert."""
    since, _ = heated(station)
    opened_s = eventually(lambda: alerts(station, "open") and time.time(), "the alert")
    hot_s = first_reading_s(station, HOT, since)
    cool(station)
    return float(opened_s - hot_s)


def notice_s(station: Station) -> float:
    """From the opening of an alert until an open page has its notice."""
    return asyncio.run(notice_in_loop_s(station))


async def notice_in_loop_s(station: Station) -> float:
    async with open_socket(station, "/ws/status/") as opened, asyncio.timeout(PATIENCE_S):
        await opened.recv()
        await asyncio.to_thread(heated, station)
        alert = await open_alert_from(opened)
        came_s = time.time()
    await asyncio.to_thread(cool, station)
    return came_s - datetime.fromisoformat(alert["opened"]).timestamp()


async def open_alert_from(opened: ClientConnection) -> dict[str, Any]:
    while True:
        for alert in json.loads(await opened.recv()).get("alerts", []):
            if alert["key"] == KEY and alert["state"] == "open":
                return dict(alert)


def heated(station: Station) -> tuple[float, int]:
    """Heat the sensor: when, in seconds since 1970, and the pid of the process that read it until then."""
    [child] = station.part("sensors").children()
    since = time.time()
    set_temperature(station, HOT)
    return since, child.pid


def cool(station: Station) -> None:
    set_temperature(station, COLD)
    eventually(lambda: not alerts(station, "open"), "the alert is resolved")


def alerts(station: Station, state: str) -> list[Any]:
    return [alert for alert in station.api.get(f"alerts/?state={state}")["results"] if alert["key"] == KEY]


def sensor_restart_s(station: Station) -> float:
    """From a change of a sensor's settings until its process is another one."""
    since, pid = heated(station)
    restarted_s = eventually(lambda: is_restarted(station, pid) and time.time(), "its process is restarted")
    eventually(lambda: alerts(station, "open"), "the alert")
    cool(station)
    return float(restarted_s - since)


def is_restarted(station: Station, pid: int) -> bool:
    return [child.pid for child in station.part("sensors").children()] not in ([], [pid])


def hidden_camera_s(station: Station) -> float:
    """From the restriction of a camera until the live view of a viewer who may no longer see it is closed."""
    headers = viewer_headers(station)
    try:
        return asyncio.run(hidden_in_loop_s(station, headers))
    finally:
        station.api.ask("PATCH", "cameras/simulated/", {"restricted": False})


async def hidden_in_loop_s(station: Station, headers: dict[str, str]) -> float:
    async with open_socket(station, LIVE, BINARY, additional_headers=headers) as opened, asyncio.timeout(PATIENCE_S):
        await opened.send(REQUEST)
        await opened.recv()
        await asyncio.to_thread(station.api.ask, "PATCH", "cameras/simulated/", {"restricted": True, "audience": []})
        began = time.monotonic()
        await opened.wait_closed()
    return time.monotonic() - began


def viewer_headers(station: Station) -> dict[str, str]:
    """Of a viewer, who is added at the first call."""
    add = ("users", "add", VIEWER, "--role", "viewer", "--password", PASSWORD)
    asked = {"username": VIEWER, "password": PASSWORD}
    answer = station.api.request("POST", "/api/v1/auth/token/", asked)
    if answer.status >= 400:
        added = run(station.data, *add, **station.environment)
        assert added.status == 0, added.stderr
        answer = station.api.request("POST", "/api/v1/auth/token/", asked)
    return {"Authorization": f"Token {answer.body['token']}"}


def no_frame_s(station: Station) -> float:
    """The longest answer to a request of a live picture, until one says that there is none."""
    pid = station.cameras.pid()
    return asyncio.run(no_frame_in_loop_s(station, pid))


async def no_frame_in_loop_s(station: Station, pid: int) -> float:
    longest_s = 0.0
    async with open_socket(station, LIVE, BINARY) as opened, asyncio.timeout(PATIENCE_S):
        await opened.send(REQUEST)
        await opened.recv()
        with stopped(pid):
            answer: str | bytes = b""
            while isinstance(answer, bytes) or json.loads(answer)["type"] != "no_frame":
                began = time.monotonic()
                await opened.send(REQUEST)
                answer = await opened.recv()
                longest_s = max(longest_s, time.monotonic() - began)
    return longest_s


NOTIFYING = (
    Promise("A reading above a threshold, until the API has its alert", 2, alert_s, times=3),
    Promise("An alert opened, until an open page has its notice", 2, notice_s, times=3),
    Promise("A sensor's settings changed, until its process is restarted", 2, sensor_restart_s, times=3),
    Promise("A camera restricted, until a live view of it is closed", 5, hidden_camera_s, times=3),
    Promise("A live picture requested, until the answer that there is none", 2, no_frame_s, times=2),
)
