"""Adopting a folder of pictures, beside copying and hashing the same folder with the system's programs."""

from __future__ import annotations

import io
import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from PIL import ExifTags, Image

from bench.copied import copied_and_hashed
from bench.figures import Table
from bench.runs import Runs
from core.jobs.tables import JOB_KINDS
from tests.harness.stations.command_line import run as skycam

PICTURES = 60
WIDTH, HEIGHT = 4000, 3000
LIMIT_RATIO = 12
"""How many times as long as cp and sha256sum, which decode nothing. A picture takes 27 ms of a core."""
FIRST = datetime(2026, 1, 16, 22, 0, 0)  # noqa: DTZ001


def run(runs: Runs) -> list[Table]:
    card = runs.folder / "card"
    size = write_card(card, runs.times(PICTURES))
    number = len(list(card.iterdir()))
    peer = min(copied_and_hashed(card, runs.folder / "copy", JOB_KINDS["organize"].nice) for _ in range(3))
    data = runs.station.station.config.data
    first, again = (organized(data, card) for _ in range(2))
    found = Table(f"Adopting {number} JPEGs of {WIDTH}x{HEIGHT}, {size / number / 1e6:.1f} MB each: skycam organize")
    found.add("cp -r, sync and sha256sum", f"{number / peer:.1f} files/s", note=f"{size / peer / 1e6:.0f} MB/s")
    found.add(
        "Adopted: decoded, copied, synced, read back, stored",
        f"{number / first:.1f} files/s",
        note=f"{size / first / 1e6:.0f} MB/s",
    )
    found.add("The time of the first row, as a multiple", f"{first / peer:.1f}", str(LIMIT_RATIO))
    found.add("The same folder again: all are duplicates", f"{number / again:.1f} files/s")
    return [found]


def write_card(folder: Path, number: int) -> int:
    """Pictures of a noisy sky, each different; returns their bytes."""
    folder.mkdir()
    noise = np.random.default_rng(1).normal(40, 6, (HEIGHT, WIDTH, 3))
    for place in range(number):
        exif = Image.Exif()
        at = FIRST + timedelta(seconds=10 * place)
        exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = f"{at:%Y:%m:%d %H:%M:%S}"
        content = io.BytesIO()
        image = Image.fromarray(np.roll(noise, 37 * place, axis=1).clip(0, 255).astype(np.uint8))
        image.save(content, "JPEG", quality=90, exif=exif.tobytes())
        (folder / f"IMG_{place:04}.JPG").write_bytes(content.getvalue())
    return sum(path.stat().st_size for path in folder.iterdir())


def organized(data: Path, card: Path) -> float:
    """Seconds from the start of the job to its end."""
    result = answer(data, "organize", str(card))
    job = answer(data, "jobs", "show", result["job"])
    began, ended = (datetime.fromisoformat(job[name]) for name in ("started", "ended"))
    return (ended - began).total_seconds()


def answer(data: Path, *words: str) -> Any:
    return json.loads(skycam(data, "--output", "json", *words).stdout)
