"""Camera hosts without cameras: `python -m bench.simulated_hosts FIRST LAST EVERY_S`, with the settings of a station.

Each host FIRST to LAST does what a real one does with the database and the broker: it leases its name, reads its
desired states when a table of them has changed, publishes heartbeat, status and usage each second, answers commands,
and stores the record of a failed capture of each of its cameras every EVERY_S seconds. A real host has camera
processes, a spool and threads of its own. Here one thread does the rounds of all hosts, each host has one thread for
its commands.
Prints `ready` once all hosts have read the database, and counts as JSON for each line of its input.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable
from typing import Any, cast

import django
import uuid6

PUBLISH_S = 1.0


def main(first: int, last: int, every_s: float) -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "skycam_project.settings")
    django.setup()
    hosts = [
        SimulatedHost(name_of(number), every_s, (number - first) / (last - first + 1))
        for number in range(first, last + 1)
    ]
    for host in hosts:
        host.queue.start()
    threading.Thread(target=run_rounds, args=(hosts,), name="rounds", daemon=True).start()
    while not all(host.rounds for host in hosts):
        time.sleep(0.1)
    print("ready", flush=True)
    for _ in sys.stdin:
        found = [host.counts() for host in hosts]
        print(json.dumps({name: [one[name] for one in found] for name in found[0]}), flush=True)


def run_rounds(hosts: list[SimulatedHost]) -> None:
    """A round of each host in turn, each PUBLISH_S, so that the database and the broker are asked evenly."""
    began = time.monotonic()
    due = [(began + PUBLISH_S * place / len(hosts), host) for place, host in enumerate(hosts)]
    while True:
        for place, (at, host) in enumerate(due):
            late_s = time.monotonic() - at
            if late_s < 0:
                time.sleep(-late_s)
            host.run_once(at, max(0.0, late_s))
            due[place] = max(at, time.monotonic() - PUBLISH_S) + PUBLISH_S, host


def name_of(number: int) -> str:
    return f"far-{number:03d}"


class SimulatedHost:
    def __init__(self, name: str, every_s: float, offset: float) -> None:
        from cameras.spool.moments import iso
        from cameras.supervision.camera_status import CaptureTotals, LastCaptures
        from cameras.supervision.command_router import CommandQueue
        from cameras.supervision.desired_state import HostSnapshot
        from cameras.supervision.host_identity import HostIdentity
        from cameras.supervision.lease import HostLease
        from cameras.supervision.ports import Liveness
        from core.changes import ChangeGate

        self.name, self.every_s, self.since = name, every_s, iso(time.time())
        self.lease = HostLease(name)
        # Of a machine of its own, also when it starts again. All that run here have one data folder.
        own = str(uuid.uuid5(uuid.NAMESPACE_DNS, name))
        self.lease._identity = HostIdentity(own, name, "boot", name)  # noqa: SLF001
        self.gate, self.last_captures, self.totals = ChangeGate(), LastCaptures(), CaptureTotals()
        self.cameras: dict[str, Any] = {}
        self.record_at = time.monotonic() + offset * every_s
        self.rounds, self.late_s, self.record_ms = 0, 0.0, deque[float](maxlen=1000)
        self.sampled_at = 0.0
        self.failures: list[str] = []
        self.stored = 0
        self.snapshot = HostSnapshot({}, True, 0.0, cast(Any, None), {}, "")
        self.queue = CommandQueue(name, self.answer, Liveness(), self)

    def counts(self) -> dict[str, Any]:
        """`late_s`: how much a round was late at most since the last call, which counts from the beginning again."""
        found = {"rounds": self.rounds, "late_s": self.late_s, "stored": self.stored, "failures": self.failures[:3]}
        found["record_ms"] = list(self.record_ms)
        self.rounds, self.late_s, self.stored, self.failures = 0, 0.0, 0, []
        self.record_ms.clear()
        return found

    def run_once(self, now: float, late_s: float) -> None:
        self.late_s = max(self.late_s, late_s)
        self.attempt(self.read)
        self.attempt(self.publish)
        if now >= self.record_at:
            self.record_at += self.every_s
            self.attempt(self.store)
        self.rounds += 1

    def attempt(self, step: Callable[[], None]) -> None:
        from django.db import connection

        try:
            step()
        except Exception as error:  # noqa: BLE001 - counted, and the limit that is looked for
            self.failures.append(f"{type(error).__name__}: {str(error).splitlines()[0][:100]}")
            connection.close()

    def read(self) -> None:
        self.lease.hold(time.monotonic())
        self.gate.call(self.read_cameras)
        self.totals.read_if_due(self.cameras, time.monotonic())

    def read_cameras(self) -> None:
        from dataclasses import replace

        from cameras.supervision.desired_state import desired_states
        from core.changes import in_one_transaction, without_watching

        now = time.monotonic()
        with in_one_transaction():
            self.cameras = desired_states(self.name)
        with without_watching():
            self.last_captures.read_new(self.cameras)
        self.snapshot = replace(self.snapshot, read_at=now)

    def publish(self) -> None:
        from cameras.spool.moments import iso
        from cameras.status import status as statuses
        from cameras.status.messages import Heartbeat, absent_status
        from cameras.supervision.status_publisher import ALERTS_LIFE_S, HEARTBEAT_LIFE_S
        from core.broker import broker
        from core.versions import PROTOCOL, SCHEMA, SKYCAM

        server, now = broker.connection(), iso(time.time())
        beat = Heartbeat(
            host=self.name, at=now, version=SKYCAM, clock="synchronised", ahead_s=0.0, schema=SCHEMA, protocol=PROTOCOL
        )
        server.set(broker.key("host", self.name), json.dumps(beat), ex=HEARTBEAT_LIFE_S)
        written = []
        for camera in self.cameras.values():
            status = absent_status(camera.slug, camera.connection, "")
            status["observed"], status["since"], status["last_frame"] = "ready", self.since, now
            status["fps"] = 5.0
            statuses.write_status(server, status, renews=True)
            written.append(status)
        statuses.write_known_cameras(server, self.name, written)
        server.set(broker.key("alerts"), "[]", ex=ALERTS_LIFE_S)
        self.publish_usage(server)

    def publish_usage(self, server: Any) -> None:
        """What the host's processes use, each EVERY_S; at first a whole hour of it."""
        from cameras.status.process_usage import SAMPLE_EVERY_S, SAMPLES, ProcessUsage, UsageSample, append_sample

        if not self.sampled_at:
            self.sampled_at = time.time() - SAMPLES * SAMPLE_EVERY_S
        names = ("web", "worker", "sensors", *(f"camera:{camera.slug}" for camera in self.cameras.values()))
        while self.sampled_at + SAMPLE_EVERY_S <= time.time():
            self.sampled_at += SAMPLE_EVERY_S
            percent = 3 + self.sampled_at % 70 / SAMPLE_EVERY_S
            used = ProcessUsage(cpu_percent=round(percent, 1), memory_bytes=int(90e6 + percent * 1e6))
            append_sample(server, self.name, UsageSample(at=self.sampled_at, usage=dict.fromkeys(names, used)))

    def store(self) -> None:
        """A record of each camera, in one transaction, as a real host stores those that wait."""
        from cameras.spool.recovery import failed_record
        from cameras.supervision.ingest import ingest_records

        began = time.perf_counter()
        plans: list[Any] = [
            {
                "id": str(uuid6.uuid7()), "camera": camera.id, "slug": camera.slug, "session": None, "index": None,
                "planned": "2026-01-01T00:00:00Z", "asked": {}, "requested_by": "bench", "job": "",
            }
            for camera in self.cameras.values()
        ]  # fmt: skip
        records = [failed_record(plan, "", "camera_error", "Simulated.", now=time.time()) for plan in plans]
        ingest_records(records, fence=self.lease)
        self.record_ms.append(1000 * (time.perf_counter() - began) / len(records))
        self.stored += len(records)

    def answer(self, command: Any, now_ms: int) -> None:
        from cameras.supervision.command_results import BrokerAnswers

        body = {"actual": {}, "read_at": "2026-01-01T00:00:00Z", "warnings": [], "differs": []}
        BrokerAnswers().send_response(command["command_id"], cast(Any, {"ok": True, "body": body}))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]))
