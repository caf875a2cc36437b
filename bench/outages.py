"""How long a caller waits while a camera, the broker, the database or a receiver is away or hangs."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from bench.promise import Promise
from bench.recoveries import seconds_until
from tests.harness.far_ends.network.http import MjpegServer
from tests.harness.far_ends.webhook_receiver import hang, receiving, status
from tests.harness.kills.faults import stopped
from tests.harness.stations.station import Station
from tests.harness.waiting import eventually

FPS = 15
EXPOSURE_S = 2
SEND_TASK = """
import time
import django
from kombu.exceptions import OperationalError
from skycam_project.celery import app
django.setup()
from captures.tasks import render_file
began = time.monotonic()
try:
    render_file.delay(0)
except OperationalError:
    print(time.monotonic() - began)
"""


@contextmanager
def broker_gone(station: Station) -> Iterator[None]:
    """It is killed, and not started again before the block ends, because the launcher stands still."""
    assert station.process
    valkey = station.pid_of_running("valkey")
    with stopped(station.process.pid):
        os.kill(valkey, signal.SIGKILL)
        yield
    eventually(lambda: station.cameras.capture().status == 201, "captures again")


def unsent_task_s(station: Station) -> float:
    with broker_gone(station):
        return float(station.run("-c", SEND_TASK))


def webhook_without_broker_s(station: Station) -> float:
    """From an event until the receiver of its web-hook has it."""
    with receiving(status(200)) as receiver, webhook(station, receiver.url), broker_gone(station):
        station.api.ask("PATCH", "cameras/simulated/", {"restricted": True, "audience": []})
        took_s = seconds_until(lambda: receiver.received)
        station.api.ask("PATCH", "cameras/simulated/", {"restricted": False})
    return took_s


def hung_receiver_s(station: Station) -> float:
    """Until the attempt at a receiver that never answers has failed."""
    with receiving(hang) as receiver, webhook(station, receiver.url) as path:
        return station.api.post(f"{path}test/").took_s


@contextmanager
def webhook(station: Station, url: str) -> Iterator[str]:
    """The path of a web-hook that gets changes of who may see a camera."""
    body = {"name": "bench", "url": url, "kinds": ["camera.audience"]}
    path = f"webhooks/{station.api.ask('POST', 'webhooks/', body)['id']}/"
    try:
        yield path
    finally:
        station.api.ask("DELETE", path)


def refused_by_hung_broker_s(station: Station) -> float:
    with stopped(station.pid_of_running("valkey")):
        refused = station.cameras.capture()
    assert refused.status == 503, refused
    eventually(lambda: station.cameras.capture().status == 201, "captures again")
    return refused.took_s


def recovery_from_hung_broker_s(station: Station) -> float:
    with stopped(station.pid_of_running("valkey")):
        station.cameras.capture()
    return seconds_until(lambda: station.cameras.capture().status == 201)


def refused_by_locked_database_s(station: Station) -> float:
    with station.database.locked():
        refused = station.cameras.capture()
    assert refused.status == 503, refused
    return refused.took_s


def answer_beside_locked_database_s(station: Station) -> float:
    """From the end of the exposure until the answer with the record, which is in the spool."""
    with ThreadPoolExecutor(1) as caller:
        capture = caller.submit(station.cameras.capture, exposure_us=EXPOSURE_S * 1_000_000)
        eventually(lambda: any(name.endswith(".plan") for name in station.spools.files()), "the exposure")
        with station.database.locked():
            answer = capture.result()
    assert answer.status == 201, answer
    return answer.took_s - EXPOSURE_S


def accepted_by_hung_camera_s(station: Station) -> float:
    """Until the answer 202 to a capture of 1 ms whose process stands still."""
    with stopped(station.cameras.pid()):
        answer = station.cameras.capture()
    assert answer.status == 202, answer
    station.cameras.eventually_ready()
    station.spools.eventually_settled()
    return answer.took_s


def unplugged_camera_s(station: Station) -> float:
    """From the pulled cable of an unused camera until its state is `reconnecting`."""
    station.api.ask("PUT", "cameras/simulated/faults/", {"disconnect": True})
    took_s = seconds_until(lambda: station.cameras.observed() == "reconnecting")
    station.api.ask("PUT", "cameras/simulated/faults/", {})
    station.cameras.eventually_ready()
    return took_s


def silent_network_camera_s(station: Station) -> float:
    """From the last picture of an MJPEG camera until it is opened again."""
    with MjpegServer(fps=FPS) as server, station.cameras.added("network", address=server.address, settings={}):
        server.mood = "stall"
        opened = server.clients
        eventually(lambda: server.clients > opened, "it is opened again")
        return time.monotonic() - max(server.sent.values())


LOCKED, HANGS, GONE = "SQLite is locked", "Valkey hangs", "Valkey is gone"
OUTAGES = (
    Promise(f"{GONE}, until sending a task fails", 1, unsent_task_s),
    Promise(f"{GONE}, until the delivery of an event to a web-hook", 5, webhook_without_broker_s),
    Promise(f"{HANGS}, until the first command is refused", 3, refused_by_hung_broker_s, is_wait=True),
    Promise("Valkey answers again after a hang, until a capture is saved", 2, recovery_from_hung_broker_s),
    Promise(f"{LOCKED}, until a command is refused", 3, refused_by_locked_database_s, is_wait=True),
    Promise(
        f"{LOCKED}, from the end of an exposure until its answer", 1, answer_beside_locked_database_s,
        is_wait=True,
    ),
    Promise("A camera process stands still, until a capture is answered with 202", 10, accepted_by_hung_camera_s),
    Promise("The simulated camera unplugged, until its state says so", 6, unplugged_camera_s, times=2),
    Promise("A silent MJPEG camera, until it is opened again", 4, silent_network_camera_s, is_wait=True),
    Promise("A receiver of web-hooks hangs, until the attempt has failed", 10, hung_receiver_s, is_wait=True),
)  # fmt: skip
