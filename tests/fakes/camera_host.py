"""A camera host at the far end of the broker: alive, and with an answer for each kind of order."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import redis

from cameras import broker

END = "end"


@contextmanager
def camera_host(server: redis.Redis, answers: dict[str, dict[str, Any]], host: str = "main") -> Iterator[list[Any]]:
    """`answers`: order -> the body of its answer, or a refusal with `ok` and its members. The commands that came."""
    taken: list[dict[str, Any]] = []

    def serve() -> None:
        while True:
            found = server.blpop([broker.key(f"camera.{host}")], timeout=30)
            if not found or found[1] == END:
                return
            command = json.loads(found[1])
            taken.append(command)
            told = answers[command["order"]]
            answer = told if "ok" in told else {"ok": True, "body": told}
            server.lpush(broker.key("reply", command["command_id"]), json.dumps(answer))

    server.set(broker.key("host", host), "{}")
    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield taken
    finally:
        server.rpush(broker.key(f"camera.{host}"), END)
        thread.join()
        server.delete(broker.key("host", host))
