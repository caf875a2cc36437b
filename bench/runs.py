"""Shared by the benchmarks of one run: a folder on the measured disk, the station, and the number of repetitions."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path

from bench.station import BenchStation

PROJECT = Path(__file__).resolve().parents[1]
QUICK_SHARE = 5


class Runs:
    def __init__(self, stack: ExitStack, *, quick: bool) -> None:
        self.quick = quick
        self.kept = Path(os.environ.get("SKYCAM_BENCH", PROJECT / "skycam-bench"))
        self.kept.mkdir(parents=True, exist_ok=True)
        self.folder = Path(tempfile.mkdtemp(prefix="run-", dir=self.kept))
        stack.callback(shutil.rmtree, self.folder, ignore_errors=True)
        self._stack = stack

    def times(self, full: int) -> int:
        """The number of repetitions: `full`, or a fifth of it in a quick run."""
        return max(3, full // QUICK_SHARE) if self.quick else full

    @cached_property
    def station(self) -> BenchStation:
        """The station of all benchmarks, started at its first use."""
        return self._stack.enter_context(BenchStation(self.folder / "station"))
