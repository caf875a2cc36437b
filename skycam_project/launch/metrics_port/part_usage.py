"""Processor time and memory of the station's parts on this machine: the periodic task part-usage measures them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import psutil
from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from skycam_project.config import SkycamConfig
from skycam_project.launch.control import part_rows
from skycam_project.launch.preflight import LaunchError

LIFE_S = 60.0


@dataclass(frozen=True, slots=True)
class PartUsage:
    part: str
    cpu_s: float
    memory_bytes: int
    restarts: int
    running: bool


class PartUsages(Collector):
    """Only its thread measures; the usages are replaced whole, so any thread may read them. A part without a launcher
    here is left out."""

    def __init__(self, config: SkycamConfig) -> None:
        self._config = config
        self._measured: tuple[float, list[PartUsage]] = (-LIFE_S, [])

    def measure(self) -> None:
        """psutil walks through the whole address space of a process for its proportional size: not each second."""
        try:
            rows = part_rows(self._config)
        except LaunchError:
            rows = []  # this part was started by hand
        found = [
            PartUsage(row["name"], *_usage_of(row["pid"]), row["restarts"], row["state"] == "running") for row in rows
        ]
        self._measured = (time.monotonic(), found)

    def collect(self) -> Iterator[Metric]:
        measured_at, found = self._measured
        usages = found if time.monotonic() - measured_at < LIFE_S else []
        running = GaugeMetricFamily("skycam_part_running", "Whether the part runs on this host.", labels=["part"])
        restarts = GaugeMetricFamily(
            "skycam_part_restarts", "Restarts of the part since its launcher started.", labels=["part"]
        )
        processor = CounterMetricFamily(
            "skycam_part_cpu_seconds", "Processor time of the part's process and of its ended children.",
            labels=["part"],
        )  # fmt: skip
        memory = GaugeMetricFamily(
            "skycam_part_memory_bytes", "Proportional set size of the part's process.", labels=["part"]
        )
        for usage in usages:
            running.add_metric([usage.part], usage.running)
            restarts.add_metric([usage.part], usage.restarts)
            if usage.memory_bytes:
                processor.add_metric([usage.part], usage.cpu_s)
                memory.add_metric([usage.part], usage.memory_bytes)
        yield from (running, restarts, processor, memory)


def _usage_of(pid: int | None) -> tuple[float, int]:
    """Processor seconds and bytes; zeros for a process that has ended."""
    if pid is None:
        return 0.0, 0
    try:
        process = psutil.Process(pid)
        with process.oneshot():
            times = process.cpu_times()
            return sum(times[:4]), process.memory_full_info().pss
    except psutil.Error:
        return 0.0, 0
