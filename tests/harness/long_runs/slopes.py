"""Memory, threads and open files of processes over time, and the line fitted to them."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

import psutil

SAMPLES = 120
LEAST_PAUSE_S = 1.0
WARM_UP = 0.5
"""The share of a run in which caches fill and pools reach their size; it is left out."""
MOST_MB, MOST_THREADS, MOST_HANDLES = 3.0, 2.0, 2.0
"""How far the line may rise over the measured time. Memory varies by some pages, and one more thread of a pool from the
middle on gives a line that rises by 1.5."""
MB = 1e6


@dataclass(frozen=True, slots=True)
class Sample:
    at_s: float
    mb: float
    threads: int
    handles: int


@dataclass(slots=True)
class Used:
    """One process by `kind` (of camera, or the name of a part) and `mode`. Its memory is the unshared part."""

    kind: str
    mode: str
    samples: list[Sample] = field(default_factory=list)

    @property
    def measured(self) -> list[Sample]:
        """The samples after the warm-up."""
        if not self.samples:
            return []
        first, last = self.samples[0].at_s, self.samples[-1].at_s
        return [sample for sample in self.samples if sample.at_s >= first + WARM_UP * (last - first)]

    @property
    def hours(self) -> float:
        return (self.measured[-1].at_s - self.measured[0].at_s) / 3600

    def per_hour(self, value: Callable[[Sample], float]) -> float:
        """The slope of the line through the measured values (least squares)."""
        times = [sample.at_s / 3600 for sample in self.measured]
        return statistics.linear_regression(times, [value(sample) for sample in self.measured]).slope

    @property
    def mb_per_hour(self) -> float:
        return self.per_hour(lambda sample: sample.mb)

    @property
    def threads_per_hour(self) -> float:
        return self.per_hour(lambda sample: sample.threads)

    @property
    def handles_per_hour(self) -> float:
        return self.per_hour(lambda sample: sample.handles)

    @property
    def is_flat(self) -> bool:
        rises = (
            (self.mb_per_hour, MOST_MB),
            (self.threads_per_hour, MOST_THREADS),
            (self.handles_per_hour, MOST_HANDLES),
        )
        return all(slope * self.hours <= most for slope, most in rises)

    def __str__(self) -> str:
        last = self.samples[-1]
        return (
            f"{self.kind}, {self.mode}: {self.mb_per_hour:+.1f} MB/h ({last.mb:.0f} MB), "
            f"{self.threads_per_hour:+.1f} threads/h ({last.threads}), "
            f"{self.handles_per_hour:+.1f} handles/h ({last.handles})"
        )


def measure(processes: list[tuple[Used, psutil.Process]], seconds: float, meanwhile: Callable[[], object]) -> None:
    """Sample the processes for `seconds`, and call `meanwhile` between two samples. A process that ends is an error."""
    began, pause_s = time.monotonic(), max(LEAST_PAUSE_S, seconds / SAMPLES)
    while (now := time.monotonic()) < began + seconds:
        for used, process in processes:
            used.samples.append(sample_of(process, now - began))
        meanwhile()
        time.sleep(max(0.0, now + pause_s - time.monotonic()))


def sample_of(process: psutil.Process, at_s: float) -> Sample:
    """Raises psutil.NoSuchProcess."""
    with process.oneshot():
        return Sample(at_s, process.memory_full_info().uss / MB, process.num_threads(), process.num_fds())


def seconds_of_a_run(default_s: float) -> float:
    """LONG_RUN_S, for example 3600 for a run of one hour; else the default."""
    with suppress(ValueError):
        return float(os.environ.get("LONG_RUN_S", ""))
    return default_s
