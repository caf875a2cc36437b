"""A winter night of captures in seconds: the real camera loop and spool, with a clock that does not wait."""

from __future__ import annotations

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
from tests.harness.clocks.camera_clock import EVENING, StepClock
from tests.harness.runs.folder import memory
from tests.harness.waiting import eventually

pytestmark = pytest.mark.slow

SESSION = "0193a000-0000-7000-8000-000000000003"
SUTHERLAND = {"latitude": -32.4, "longitude": 20.8, "time_zone": "Africa/Johannesburg"}
SMALL = {"scene": "chart", "width": 320, "height": 240}
HOURS_10 = 10 * 3600


@pytest.fixture(params=[200, pytest.param(20, marks=pytest.mark.prove)])
def cadence_s(request: pytest.FixtureRequest) -> int:
    return int(request.param)


@pytest.fixture
def night(cadence_s: int) -> Iterator[CameraLoopBench]:
    """8 s in each interval from 20:00 to 06:00."""
    until = datetime.fromtimestamp(EVENING + HOURS_10, UTC).isoformat()
    clock = StepClock(EVENING)
    folder = Path(tempfile.mkdtemp(dir=memory()))
    desired = CameraLoopBench.desired_session(SESSION, exposure_us=8_000_000, cadence_s=float(cadence_s), until=until)
    driver = SimulatedDriver("", clock)
    bench = CameraLoopBench(folder, clock, driver, settings=SMALL, site=SUTHERLAND, session=desired)
    clock.settled = bench.process.stills.drain
    yield bench
    eventually(lambda: is_removed(folder))


def is_removed(folder: Path) -> bool:
    """The thumbnail thread may still write into it for a moment."""
    shutil.rmtree(folder, ignore_errors=True)
    return not folder.exists()


class SpoolReader:
    """Removes the records from the spool during the night, like the ingest."""

    def __init__(self, bench: CameraLoopBench) -> None:
        self.bench, self.records = bench, list[dict[str, Any]]()

    def read_records(self) -> bool:
        """True when the session's last record is read."""
        for path in sorted(self.bench.spool.glob("*.done")):
            self.records.append(json.loads(path.read_text()))
            path.unlink()
        return any(body["state"] == "finished" for body in self.bodies("session"))

    def bodies(self, kind: str) -> list[dict[str, Any]]:
        return [record["body"] for record in self.records if record["kind"] == kind]


def test_all_captures_of_a_night_are_on_time_in_one_folder(night: CameraLoopBench, cadence_s: int) -> None:
    planned = HOURS_10 // cadence_s + 1
    reader = SpoolReader(night)
    with night:
        eventually(reader.read_records, takes_s=planned / 5)
    captures = reader.bodies("capture")
    assert [(body["index"], body["outcome"]) for body in captures] == [(index, "saved") for index in range(planned)]
    late = [
        datetime.fromisoformat(body["started"]).timestamp() - EVENING - cadence_s * body["index"] for body in captures
    ]
    assert max(map(abs, late)) < 0.002
    assert reader.bodies("gap") == []
    assert reader.bodies("session")[-1]["saved"] == planned
    folders = {str(path.parent.relative_to(night.root)) for path in night.root.glob("captures/**/*.jpg")}
    assert folders == {"captures/scripted/2027/01/15/raw"}
