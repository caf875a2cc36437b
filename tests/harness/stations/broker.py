"""The station's embedded broker without its station."""

from __future__ import annotations

import socketserver
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import redis

from skycam_project.config import SkycamConfig
from skycam_project.launch.parts import station_command
from skycam_project.launch.preflight import valkey_path
from tests.harness.waiting import eventually


@contextmanager
def station_broker(config: SkycamConfig) -> Iterator[redis.Redis]:
    """A client of the broker that the station of this configuration would start."""
    with subprocess.Popen(station_command(config), stdout=subprocess.DEVNULL) as process:
        client = redis.Redis.from_url(config.redis_url, decode_responses=True)
        try:
            eventually(lambda: answers(client), "the broker")
            yield client
        finally:
            client.close()
            process.kill()
            valkey_path(config).unlink(missing_ok=True)


def answers(client: redis.Redis) -> bool:
    try:
        return bool(client.ping())
    except redis.ConnectionError:
        return False


@contextmanager
def broker_that_hangs_up(config: SkycamConfig) -> Iterator[list[object]]:
    """In place of the broker of this configuration: the connections that it has ended at once."""
    path, ended = valkey_path(config), list[object]()
    path.parent.mkdir(parents=True, exist_ok=True)

    class Ending(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            ended.append(self.client_address)

    with socketserver.UnixStreamServer(str(path), Ending) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield ended
        finally:
            server.shutdown()
            thread.join()
            path.unlink()
