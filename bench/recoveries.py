"""How soon a part of a station works again after it was killed, or hung."""

from __future__ import annotations

import time
from collections.abc import Callable

from bench.promise import Promise
from bench.sensor import newest_reading_s
from tests.harness.kills.client import RECOVERS_S, Client
from tests.harness.kills.faults import kill
from tests.harness.kills.recording_kills import RecordingStation
from tests.harness.kills.station_kills import PROMISED_S
from tests.harness.stations.station import Station
from tests.harness.waiting import eventually


def recovery_of(target: str) -> Callable[[Station], float]:
    """The measurement of a fault of `kill`: until a capture requested after it is acknowledged."""

    def recovery_s(station: Station) -> float:
        with Client(station) as client:
            client.wait_for_saves(more=5)
            return client.recovery_s(lambda: kill(station, target))

    return recovery_s


def service_recovery_s(station: Station) -> float:
    eventually(station.service.is_connected, "the service has its camera")
    kill(station, "service")
    return seconds_until(lambda: station.service.capture(exposure=1000).status == 200)


def sensors_recovery_s(station: Station) -> float:
    """Until a reading is in the database that was taken after the kill."""
    kill(station, "sensors")
    since = time.time()
    return seconds_until(lambda: newest_reading_s(station) > since)


def seconds_until(condition: Callable[[], object]) -> float:
    began = time.monotonic()
    eventually(condition, takes_s=RECOVERS_S)
    return time.monotonic() - began


def recording_costs(station: Station, kills: int) -> tuple[float, float]:
    """The most video that one of `kills` kills of the camera process cost, and the longest gap; in seconds. A frame
    that had not ended at the kill is no loss."""
    recording = RecordingStation(station)
    recording.record("rolling")
    for _ in range(kills):
        recording.kill("camera")
    recording.wait_for_frames(1)
    recording.record("")
    station.spools.eventually_settled()
    costs = recording.costs()
    return max(0.0, *(cost.lost_s for cost in costs)), max(cost.gap_s for cost in costs)


CAPTURES = "until a capture is saved that was requested afterwards"
RECOVERIES = (
    Promise(f"A camera process killed, {CAPTURES}", PROMISED_S["camera"], recovery_of("camera"), times=3),
    Promise(f"The web part killed, {CAPTURES}", PROMISED_S["web"], recovery_of("web"), times=3),
    Promise(f"Valkey killed, {CAPTURES}", PROMISED_S["valkey"], recovery_of("valkey"), times=3),
    Promise(f"The worker killed, {CAPTURES}", PROMISED_S["worker"], recovery_of("worker"), times=3),
    Promise(f"The worker hangs, {CAPTURES}", RECOVERS_S, recovery_of("hung worker")),
    Promise("The launcher killed: the same, from `skycam up`", PROMISED_S["launcher"], recovery_of("launcher")),
    Promise("The service killed, until it has captured", 5, service_recovery_s, times=3),
    Promise("The part sensors killed, until the next reading is in the database", 5, sensors_recovery_s, times=3),
)
