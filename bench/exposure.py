"""Automatic exposure: the time of a frame's statistics on one thread, as in a camera process."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import cycle
from typing import Any

import cv2
import numpy as np
from PIL import Image

from bench.figures import Table, Times, timed
from bench.runs import Runs
from cameras.drivers.base import SettingRange
from cameras.exposure.control import first_state, next_state
from cameras.exposure.settings import ExposureControlRequest
from cameras.exposure.statistics import FrameStatistics, statistics_of, statistics_of_file

LIMIT = "5 ms"
SMALL, LARGE = (1024, 1280), (4000, 6000)
FRAMES = 3
"""Frames used in turn, so that none is in the processor's caches."""
RANGES = {
    "exposure_us": SettingRange("µs", choices=[round(1e6 * 2 ** (third / 3)) for third in range(-39, 16)]),
    "iso": SettingRange("", choices=[round(100 * 2 ** (third / 3)) for third in range(19)]),
    "f_number": SettingRange("", choices=[2.8, 3.2, 3.5, 4, 4.5, 5, 5.6, 6.3, 7.1, 8, 9, 10, 11, 13, 14, 16]),
}


def run(runs: Runs) -> list[Table]:
    found = Table("Automatic exposure: statistics of a frame, and the next settings, on one thread")
    with one_thread():
        for name, shape, kind in (
            ("Statistics of 1280x1024, RGB, 8 bits, with a mask", (*SMALL, 3), np.uint8),
            ("Statistics of 24 megapixels, RGB, 8 bits, with a mask", (*LARGE, 3), np.uint8),
            ("Statistics of 24 megapixels, mono, 16 bits, with a mask", LARGE, np.uint16),
        ):
            found.add(name, str(frame_times(runs, shape, kind)), LIMIT)
        found.add(
            "Statistics of a JPEG of 24 megapixels",
            str(jpeg_times(runs)),
            note="all of its data must be decoded, also for an eighth of its size",
        )
        found.add("The next settings of a DSLR with thirds of a stop", str(control_times(runs)), LIMIT)
    return [found]


@contextmanager
def one_thread() -> Iterator[None]:
    """OpenCV with one thread, which the environment of camera processes asks for."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(before)


def frame_times(runs: Runs, shape: tuple[int, ...], kind: Any) -> Times:
    mask = np.ones((64, 64), np.bool_)
    mask[48:] = False
    random = np.random.default_rng(1)
    frames = cycle([random.integers(0, np.iinfo(kind).max, shape, kind, endpoint=True) for _ in range(FRAMES)])
    return timed(lambda: statistics_of(next(frames), mask), runs.times(200))


def jpeg_times(runs: Runs) -> Times:
    content = io.BytesIO()
    noise = np.random.default_rng(1).integers(0, 256, (*LARGE, 3), np.uint8)
    # As much detail as a photograph: about 5 MB.
    Image.fromarray(cv2.GaussianBlur(noise, (0, 0), 2)).save(content, "JPEG", quality=92)
    return timed(lambda: statistics_of_file(io.BytesIO(content.getvalue()), "jpeg"), runs.times(50))


def control_times(runs: Runs) -> Times:
    limits: dict[str, Any] = {"exposure_us": [20, 30_000_000], "iso": [100, 6400], "f_number": [2.8, 16]}
    control = ExposureControlRequest(**limits).control()
    state = first_state(control, {"exposure_us": 1_000_000, "iso": 400, "f_number": 4}, RANGES)
    dark = dark_statistics()
    return timed(
        lambda: next_state(control, state, dark, state["settings"], RANGES, "srgb"), runs.times(500), warm_up=20
    )


def dark_statistics() -> FrameStatistics:
    """Of a frame that asks for more light, so that all settings are computed again."""
    return statistics_of(np.full((*SMALL, 3), 40, np.uint8))
