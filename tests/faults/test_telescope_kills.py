"""A camera process is killed in each state of the telescope's controller: the night goes on, and no field that a record
says is observed is observed again."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cameras.spool.durable import RootFiles
from cameras.spool.spool import Spool
from core.sky.sidereal import local_sidereal_hours
from core.times.timestamps import stamp
from scheduler.telescope.driver.clock import SystemClock
from scheduler.telescope.driver.connection import CommandPort
from scheduler.telescope.driver.protocol import STATUS
from scheduler.telescope.driver.status import ControllerState, parse_status
from scheduler.telescope.night.field_lists import FieldListContent, write_list
from scheduler.telescope.night.night_programme import NightProgramme
from tests.harness.camera_processes.camera_process import CameraProcess
from tests.harness.far_ends.fast_controller import FastController
from tests.harness.runs.tiers import further
from tests.harness.scenarios.observatory import LATITUDE, longitude_of_midnight
from tests.harness.waiting import PATIENCE_S, eventually

SESSION = "0193a000-0000-7000-8000-0000000000aa"
FIELD_LIST = "0193a000-0000-7000-8000-0000000000ab"
SPEED = 20
FIELDS, OBSERVATIONS = 3, 2
STATES = (
    ControllerState.EXPOSING, ControllerState.READING, ControllerState.FETCHING, ControllerState.FETCH_PENDING,
)  # fmt: skip


class KilledNight:
    def __init__(self, root: Path, controller: FastController) -> None:
        self._root, self._controller = root, controller
        self._session = {
            "id": SESSION, "name": "", "revision": 1, "desired": "running", "created_by": "tester", "so_far": {},
            "programme": programme(),
        }  # fmt: skip
        self.process = self._start(None)
        self.process.wait_for_type("observed", observed="ready")
        spool = Spool(RootFiles(str(root)), self.process.camera)
        write_list(spool, SESSION, FieldListContent(FIELD_LIST, "tonight", 1, field_lines(), ""))
        self.process.send("start", session=self._session)

    def _start(self, session: dict[str, Any] | None) -> CameraProcess:
        return CameraProcess(
            self._root, kind="telescope", address=self._controller.address, settings={}, session=session
        )  # fmt: skip

    def kill_and_restart(self) -> None:
        """The Supervisor sends the desired session with the start."""
        self.process.kill()
        self.process = self._start(self._session)

    def records(self, kind: str) -> list[dict[str, Any]]:
        return [record["body"] for record in self.process.done().values() if record["kind"] == kind]

    def saved(self) -> set[str]:
        """The captures whose record says that they are saved."""
        done = self.process.done().values()
        return {record["id"] for record in done if record["body"].get("outcome") == "saved"}

    def is_observed(self) -> bool:
        return len(self.records("observation")) >= FIELDS * OBSERVATIONS


def field_lines() -> str:
    """Fields near the meridian, which are ready at once, and where the Moon never is."""
    lst = local_sidereal_hours(datetime.now(UTC).timestamp(), longitude_of_midnight())
    places = [(lst - 1 + number / 2) % 24 for number in range(FIELDS)]
    return "\n".join(f"{ra:.4f} -60 Y 2 0 {OBSERVATIONS} 0 # field {number}" for number, ra in enumerate(places))


def programme() -> dict[str, Any]:
    now = datetime.now(UTC)
    longitude = longitude_of_midnight()
    evening: date = (now + timedelta(hours=longitude / 15 - 12)).date()
    telescope = NightProgramme(
        field_list=FIELD_LIST, name="tonight", evening=evening.isoformat(), site=(LATITUDE, longitude, 0.0),
        rule="priority", add_file="", clears=False,
        start_over=False,
    )  # fmt: skip
    windows = [[stamp(now - timedelta(minutes=1)), stamp(now + timedelta(hours=2))]]
    return {"kind": "telescope", "exposure_us": 2_000_000, "delay_s": 0.0, "windows": windows, "telescope": telescope}


@pytest.fixture
def controller() -> Iterator[FastController]:
    controller = FastController(speed=SPEED)
    yield controller
    controller.stop()


@pytest.fixture
def night(tmp_path: Path, controller: FastController) -> Iterator[KilledNight]:
    night = KilledNight(tmp_path, controller)
    yield night
    night.process.kill()


@pytest.mark.slow
@pytest.mark.parametrize("state", [STATES[0], *further(*STATES[1:])], ids=lambda state: state.name)
def test_a_kill_in_each_state_of_the_controller_repeats_no_field(
    night: KilledNight, controller: FastController, state: ControllerState
) -> None:
    port = CommandPort("127.0.0.1", controller.simulator.status_port, SystemClock())

    def is_in_the_state() -> bool:
        return bool(parse_status(port.send(STATUS, PATIENCE_S), time.time()).has(state))

    eventually(lambda: night.records("observation"), "one is observed")
    eventually(is_in_the_state, state.name)
    night.kill_and_restart()
    eventually(night.is_observed, "all is observed", takes_s=60)
    observed = night.records("observation")
    expected = dict.fromkeys(range(1, OBSERVATIONS + 1), FIELDS)
    assert Counter(one["number"] for one in observed) == expected
    assert {*Counter((one["field_key"], one["number"]) for one in observed).values()} == {1}
    # A capture is counted in its night before its own record is done.
    eventually(lambda: {one["capture"] for one in observed} <= night.saved(), "all captures are saved")


def test_a_night_without_a_configured_telescope_warns_with_its_start(night: KilledNight) -> None:
    """Its fields would count as observed, although nothing is pointed."""
    eventually(lambda: night.records("session"), "the session has begun")
    assert night.records("session")[0]["warnings"] == [
        "The telescope will not be moved: `telescopes` does not configure it."
    ]
