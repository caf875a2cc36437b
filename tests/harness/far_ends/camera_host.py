"""A camera host behind the broker: alive, and with an answer for each kind of command."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import redis
from django.conf import settings

from core.broker import broker

END = "end"


@contextmanager
def camera_host(server: redis.Redis, answers: dict[str, dict[str, Any]], host: str = "main") -> Iterator[list[Any]]:
    """`answers`: kind of command -> the body of its answer, or a refusal with `ok` and its fields. Yields the received
    commands."""
    received: list[dict[str, Any]] = []
    # Not the station's connection, on which a wait of more than three seconds opens the circuit. The client's own
    # time-out would end the thread while it waits for the first command.
    waiting = redis.Redis.from_url(settings.STATION.redis_url, decode_responses=True, socket_timeout=None)

    def serve() -> None:
        while True:
            found = waiting.blpop([broker.key(f"camera.{host}")], timeout=0)
            if found[1] == END:
                return
            command = json.loads(found[1])
            received.append(command)
            body = answers[command["order"]]
            answer = body if "ok" in body else {"ok": True, "body": body}
            server.lpush(broker.key("reply", command["command_id"]), json.dumps(answer))

    server.set(broker.key("host", host), "{}")
    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield received
    finally:
        server.rpush(broker.key(f"camera.{host}"), END)
        thread.join()
        waiting.close()
        server.delete(broker.key("host", host))


def configured(**answer: Any) -> dict[str, dict[str, Any]]:
    """The host's answer to the command `configure`."""
    body = {"actual": {}, "warnings": [], "read_at": "2026-11-20T20:00:00.000Z", "differs": []}
    return {"configure": {**body, **answer}}


def found(address: str, **fields: Any) -> dict[str, Any]:
    """A discovered camera as a host reports it."""
    return {
        "kind": "gphoto2", "label": "DSLR over USB (gphoto2)", "address": address, "model": "Nikon DSC D750",
        "serial": address, "held_by": "", "camera": None, **fields,
    }  # fmt: skip


def host_with(*results: dict[str, Any], **problems: str) -> dict[str, Any]:
    return {"detect": {"host": "main", "results": list(results), "problems": problems}}
