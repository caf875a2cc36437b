"""`python -m bench [--quick] [NAME...]`: benchmarks, printed as tables.

Without --quick the tables are written to docs/measurements/benchmarks.md. With names, only their tables are replaced.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from importlib import import_module

from rich.console import Console

from bench.figures import Table
from bench.runs import PROJECT, Runs

BENCHES = {
    "machine":  "bench.machine",
    "night":    "bench.night",
    "still":    "bench.still",
    "keep":     "bench.keep",
    "ingest":   "bench.ingesting",
    "capture":  "bench.capturing",
    "settings": "bench.settings_route",
    "pages":    "bench.pages",
    "metrics":  "bench.metrics",
    "readings": "bench.readings",
    "monitoring": "bench.monitoring",
    "clips":    "bench.clips",
    "admin":    "bench.admin",
    "many_rows": "bench.many_rows",
    "retention": "bench.retention",
    "offsite":  "bench.offsite",
    "write_locks": "bench.write_locks",
    "integrity": "bench.integrity",
    "service":  "bench.service",
    "files":    "bench.files",
    "other_hosts": "bench.other_hosts",
    "organizing": "bench.organizing",
    "archiving": "bench.archiving",
    "live":     "bench.live",
    "live_hosts": "bench.live_of_hosts",
    "notices":  "bench.notices",
    "relay":    "bench.relay",
    "recording": "bench.recording",
    "copying":  "bench.copying",
    "filming":  "bench.filming",
    "browser":  "bench.browser",
    "exposure": "bench.exposure",
    "planning": "bench.planning",
    "telescope": "bench.telescope",
    "alert_rules": "bench.alert_rules",
    "interval": "bench.interval",
    "parts":    "bench.parts",
    "many_hosts": "bench.many_hosts",
    "real_hosts": "bench.real_hosts",
    "camera_memory": "bench.camera_memory",
    "reopen":   "bench.reopening",
    "promises": "bench.promises",
    "flatness": "bench.flatness",
    "idle_station": "bench.idle_station",
    "start":    "bench.starting",
}  # fmt: skip
"""In the order of execution: benchmarks that start and stop stations come last."""

DOCUMENT = PROJECT / "docs" / "measurements" / "benchmarks.md"
HEAD = """# Benchmarks

`make bench` writes this page; do not edit it. The limits are the project's own, for two otherwise idle cores and a disk
whose fsync takes less than 0.5 ms. Times are medians and 99th percentiles.
"""

Bench = Callable[[Runs], list[Table]]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(BENCHES)}; by default all")
    parser.add_argument("--quick", action="store_true", help="fewer repetitions; nothing is written")
    given = parser.parse_args()
    if unknown := set(given.names) - set(BENCHES):
        parser.error(f"There is no benchmark {', '.join(sorted(unknown))}; there are {', '.join(BENCHES)}.")
    tables, failed = measure(given.names or list(BENCHES), quick=given.quick)
    if not given.quick:
        known = sections() if given.names else {}
        found = known | {table.title: table.markdown() for table in tables}
        DOCUMENT.write_text("\n\n".join([HEAD.strip(), *found.values()]) + "\n")
        print(f"Written to {DOCUMENT}.")
    if failed:
        print(f"Failed, without tables: {', '.join(failed)}.")
    return 1 if failed else 0


def sections() -> dict[str, str]:
    """The document's sections, by title."""
    _, *parts = DOCUMENT.read_text().split("\n## ")
    return {part.partition("\n")[0]: f"## {part.strip()}" for part in parts}


def measure(names: list[str], *, quick: bool) -> tuple[list[Table], list[str]]:
    """The tables, and the names of the benchmarks that failed: those after them are measured all the same."""
    console = Console()
    tables: list[Table] = []
    failed: list[str] = []
    of = "" if len(names) == len(BENCHES) else f" during {', '.join(names)}"
    load = Table(f"Other load on the machine{of}")
    with ExitStack() as stack:
        runs = Runs(stack, quick=quick)
        for name in names:
            began, others = time.monotonic(), os.getloadavg()[0]
            bench: Bench = import_module(BENCHES[name]).run
            try:
                measured = bench(runs)
            except Exception:  # noqa: BLE001 - printed, and the run ends with status 1
                console.print_exception()
                failed.append(name)
                measured = []
            for table in measured:
                table.show(console)
            tables += measured
            took = f"{'failed after' if name in failed else 'it took'} {time.monotonic() - began:.0f} s"
            console.print(f"[dim]{name}: {took}[/dim]")
            load.add(f"Before `{name}`", f"load {others:.1f}", note=took)
    return [*tables, load], failed


if __name__ == "__main__":
    sys.exit(main())
