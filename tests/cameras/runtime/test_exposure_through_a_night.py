"""Automatic exposure of the simulated all-sky camera from noon to a night without a Moon, and back to noon."""

from __future__ import annotations

import itertools
import json
import shutil
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from cameras.drivers.simulated.driver import SimulatedDriver
from tests.harness.camera_processes.camera_loop import CameraLoopBench
from tests.harness.clocks.camera_clock import StepClock
from tests.harness.runs.folder import memory
from tests.harness.waiting import PATIENCE_S, eventually

pytestmark = pytest.mark.slow

SESSION = "0193a000-0000-7000-8000-000000000003"
NOON = datetime(2027, 1, 7, 11, 16, tzinfo=UTC)
"""At 11 degrees east, on the day of the new Moon."""
SITE = {"latitude": 48.0, "longitude": 11.0, "elevation": 500.0, "time_zone": "Europe/Berlin"}
CONTROL = {
    "target": 0.35, "measure": "mean", "exposure_us": [20, 30_000_000], "iso": [100, 3200], "f_number": [1.4, 16],
    "order": ["exposure_us", "f_number", "iso"], "damping": 0.3, "hysteresis_ev": 0.25,
}  # fmt: skip
CADENCE_S = 120.0
FRAMES = round(24 * 3600 / CADENCE_S)
SETTLED = 6
"""Frames until the exposure has found the light of noon."""


@pytest.fixture(scope="module")
def frames() -> Iterator[list[dict[str, Any]]]:
    """The captures of 24 hours."""
    folder, clock = Path(tempfile.mkdtemp(dir=memory())), StepClock(NOON.timestamp())
    desired = CameraLoopBench.desired_session(
        SESSION, exposure_us=1000, f_number=16.0, iso=100, cadence_s=CADENCE_S, count=FRAMES, control=CONTROL
    )
    settings = {"scene": "allsky", "width": 320, "height": 240}
    driver = SimulatedDriver("", clock)
    driver.set_site(SITE["latitude"], SITE["longitude"], SITE["elevation"])  # type: ignore[arg-type]
    bench = CameraLoopBench(folder, clock, driver, settings=settings, site=SITE, session=desired)
    clock.settled = bench.process.stills.drain

    def has_ended() -> bool:
        return len(bench.link.messages) > FRAMES and bench.process.runner.describe_session() is None

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("cameras.runtime.stills.MEASURED_WITHIN_S", PATIENCE_S)
        with bench:
            eventually(has_ended, "the session has ended", takes_s=PATIENCE_S)
    records = [json.loads(path.read_text()) for path in sorted(bench.spool.glob("*.done"))]
    yield [one["body"] for one in records if one["kind"] == "capture"][SETTLED:]
    shutil.rmtree(folder, ignore_errors=True)


def light(frame: dict[str, Any]) -> float:
    """The light that the settings of the frame collect, in relation to 1 us at ISO 100 and f/1."""
    return float(frame["exposure_us"] * frame["iso"] / 100 / frame["f_number"] ** 2)


def measured(frames: list[dict[str, Any]]) -> list[dict[str, float]]:
    return [one["statistics"] for one in frames]


def test_the_light_spans_a_factor_of_a_million(frames: list[dict[str, Any]]) -> None:
    lights = [light(frame) for frame in frames]
    assert max(lights) / min(lights) > 1e6


def test_at_most_2_percent_of_the_frames_are_saturated_or_black(frames: list[dict[str, Any]]) -> None:
    lost = [one for one in measured(frames) if one["saturated"] > 0.5 or one["black"] > 0.9]
    assert len(lost) <= 0.02 * len(frames)


def test_the_brightness_stays_near_the_target(frames: list[dict[str, Any]]) -> None:
    """The mean of recorded values is below the target: that holds for the mean of light, and the corners are black."""
    far = [one for one in measured(frames) if not 0.15 < one["mean"] < 0.5]
    assert len(far) <= 0.02 * len(frames)


def test_the_exposure_does_not_oscillate(frames: list[dict[str, Any]]) -> None:
    """Two steps of more than 0.4 EV in a row, in opposite directions, are rare: only clouds cause them."""
    lights = [light(frame) for frame in frames]
    steps = [after / before for before, after in itertools.pairwise(lights)]
    turns = [(a, b) for a, b in itertools.pairwise(steps) if max(a, b) > 1.32 and min(a, b) < 1 / 1.32]
    assert len(turns) <= 0.01 * len(frames)
