"""Measures the parts of this machine for the status page, in the cameras part."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from typing import cast

import psutil
import redis
from django.conf import settings

from cameras.status.process_usage import ProcessUsage, UsageSample, append_sample, read_usages
from core.broker import broker
from core.broker.broker import BrokerDown
from core.periodic.task import Work
from skycam_project.launch.control import part_rows, process_tree
from skycam_project.launch.preflight import LaunchError


class UsageSampler(Work):
    """Used by one thread. The usage of a part includes its children that are no parts, as in `skycam ps`."""

    def __init__(self, host: str) -> None:
        super().__init__(host)
        self._cpu_s: dict[int, float] = {}
        """Process -> the processor time that it had used at the last sample."""
        self._sampled_at: float | None = None

    def run(self) -> None:
        """Append a sample; nothing while the broker is away."""
        sample = self.sample()
        try:
            with broker.reachable() as server:
                append_sample(server, self.host, sample)
        except BrokerDown:
            return  # the publisher of the status logs it

    def sample(self) -> UsageSample:
        try:
            parts = {row["name"]: row["pid"] for row in part_rows(settings.STATION) if row["pid"] is not None}
        except LaunchError:
            parts = {}  # the worker, and with it this process, is ending
        now = time.monotonic()
        passed_s = now - self._sampled_at if self._sampled_at is not None else None
        known, self._cpu_s, self._sampled_at = self._cpu_s, {}, now
        usage = {
            name: self._measure_part(pid, set(parts.values()) - {pid}, known, passed_s) for name, pid in parts.items()
        }
        for slug, measured in read_usages(self._cameras()).items():
            usage[f"camera:{slug}"] = ProcessUsage(
                cpu_percent=measured["cpu_percent"], memory_bytes=measured["memory_bytes"]
            )
        return UsageSample(at=round(time.time(), 1), usage=usage)

    def _measure_part(
        self, pid: int, others: set[int], known: dict[int, float], passed_s: float | None
    ) -> ProcessUsage:
        used_s, memory = 0.0, 0
        for process in process_tree(pid, others):
            try:
                with process.oneshot():
                    times, size = process.cpu_times(), process.memory_full_info().pss
            except psutil.Error:
                continue  # it ended meanwhile
            self._cpu_s[process.pid] = times.user + times.system
            # A process that began since the last sample has used all of its time since.
            used_s += max(0.0, self._cpu_s[process.pid] - known.get(process.pid, 0.0))
            memory += size
        percent = round(100 * used_s / passed_s, 1) if passed_s else None
        return ProcessUsage(cpu_percent=percent, memory_bytes=memory)

    def _cameras(self) -> Iterable[str]:
        """The cameras of this host, as it publishes them itself; none while the broker is away."""
        try:
            with broker.reachable() as server:
                text = cast("str | None", server.get(broker.key("cameras", self.host)))
        except (BrokerDown, redis.RedisError):
            return []
        return [str(slug) for slug in json.loads(text or "{}")]
