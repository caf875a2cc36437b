"""A capture of 24 megapixels with 16 bits: its formats, and the whole capture as a multiple of its parts."""

from __future__ import annotations

import json
import subprocess
import sys

from bench.figures import Table
from bench.runs import PROJECT, Runs

MOST = 2.0
"""The whole capture, as a multiple of the sum of its parts."""
PARTS = ("JPEG", "FITS", "writing both", "record and place", "thumbnails", "row")
"""The steps of a capture that is kept as FITS and JPEG."""


def run(runs: Runs) -> list[Table]:
    found = measured_legs(runs)
    total = sum(found[name] for name in PARTS)
    table = Table("A capture of 24 megapixels, 6000x4000 mono with 16 bits, noise of a dark sky")
    for name in ("JPEG", "FITS", "FITS, Rice", "PNG", "TIFF"):
        table.add(f"Encoding as {name}", f"{found[name]:.0f} ms", note=f"{found[f'{name} bytes'] / 1e6:.1f} MB")
    for name in PARTS[2:]:
        table.add(name.capitalize(), f"{found[name]:.0f} ms")
    table.add("Sum of the parts of FITS with JPEG, each measured alone", f"{total:.0f} ms")
    share = found["whole"] / total
    table.add(
        "The whole capture, until row and thumbnails exist", f"{found['whole']:.0f} ms, {share:.2f} of the sum",
        f"{MOST:g} of the sum",
    )  # fmt: skip
    table.add(
        "Memory of a process by the first FITS file", f"{found['astropy MB']:.0f} MB",
        note=f"astropy, imported in {found['astropy ms']:.0f} ms; none without FITS",
    )  # fmt: skip
    return [table]


def measured_legs(runs: Runs) -> dict[str, float]:
    """Medians, measured by a separate program with the running station's settings."""
    command = [sys.executable, "-m", "bench.keep_legs", str(runs.folder), str(runs.times(15))]
    environment = {**runs.station.station.environment, "DJANGO_SETTINGS_MODULE": "skycam_project.settings"}
    done = subprocess.run(command, env=environment, cwd=PROJECT, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found
