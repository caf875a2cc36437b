"""The behaviour of a simulated camera while a fault is on. Real cameras have each of these faults."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import numpy as np
import pytest

from cameras.drivers.base import Aborted, CameraError, ExposureRequest, SystemClock
from cameras.drivers.parts import ABORT_CHECK_S
from cameras.drivers.simulated.driver import SimulatedDriver
from cameras.runtime.clock import CameraClock
from tests.harness.waiting import PATIENCE_S, eventually

SHORT = ExposureRequest(exposure_us=1000)
Soon = Callable[[], float]
Reports = list[tuple[dict[str, Any], str]]


@pytest.fixture
def reports() -> Reports:
    return []


@pytest.fixture
def inject(camera: SimulatedDriver, reports: Reports) -> Callable[..., dict[str, Any]]:
    return lambda **faults: camera.set_faults(faults, lambda left, struck: reports.append((left, struck)))


@pytest.fixture
def camera(clock: SystemClock, soon: Soon) -> Iterator[SimulatedDriver]:
    camera = SimulatedDriver("faulty", clock)
    camera.open(soon())
    camera.apply({"fps": 100.0, "exposure_us": 1000}, soon())
    yield camera
    camera.close()


def test_a_camera_that_is_disconnected_is_unreachable_until_it_is_plugged_in(
    camera: SimulatedDriver, inject: Any, soon: Soon
) -> None:
    inject(disconnect=True)
    for call in (camera.open, camera.frame, lambda until: camera.expose(SHORT, until), lambda _: camera.temperature()):
        with pytest.raises(CameraError, match="Switch it off to plug it in") as error:
            call(soon())
        assert error.value.reason == "camera_unreachable"
    inject()
    camera.open(soon())
    assert camera.expose(SHORT, soon()).simulated


def test_a_slow_camera_takes_longer_by_the_given_seconds(camera: SimulatedDriver, inject: Any, soon: Soon) -> None:
    inject(slow=0.2)
    before = camera.clock.monotonic()
    camera.expose(SHORT, soon())
    assert camera.clock.monotonic() - before >= 0.2
    assert [camera.frame(soon()) is None for _ in range(2)] == [False, False]
    assert camera.clock.monotonic() - before >= 0.4
    inject(slow=600)
    assert camera.frame(camera.clock.monotonic() + 0.02) is None


def test_a_slow_camera_can_be_aborted(soon: Soon) -> None:
    camera = SimulatedDriver("", CameraClock())
    camera.open(soon())
    camera.set_faults({"slow": 60}, lambda *_: None)
    ended = threading.Event()

    def abort() -> None:
        while not ended.wait(0.05):  # time: repeated until the exposure ends
            camera.abort()

    threading.Thread(target=abort).start()
    with pytest.raises(Aborted):
        camera.expose(SHORT, soon())
    ended.set()


def test_a_torn_frame_keeps_its_upper_half_and_is_used_up(
    camera: SimulatedDriver, inject: Any, reports: Reports, soon: Soon
) -> None:
    inject(torn_frame=1)
    torn, whole = camera.expose(SHORT, soon()), camera.expose(SHORT, soon())
    assert torn.frame is not None
    assert torn.warnings == ["The frame is torn: its lower half is from another exposure."]
    assert whole.warnings == []
    assert torn.simulated is True
    assert torn.frame.simulated is True
    assert np.all(torn.frame.image[-100:] == 128)
    assert reports == [({"torn_frame": 1}, ""), ({}, "torn_frame")]


def test_rejected_settings_stay_unchanged_with_a_warning(camera: SimulatedDriver, inject: Any, soon: Soon) -> None:
    inject(rejected_setting=True)
    applied = camera.apply({"gain": 4.0}, soon())
    assert applied.actual["gain"] == 1.0
    assert applied.warnings == ["The camera refuses gain 4.0 and keeps 1.0."]
    with pytest.raises(CameraError, match="refuses exposure_us 5000 and keeps 1000") as error:
        camera.expose(ExposureRequest(exposure_us=5000), soon())
    assert error.value.reason == "rejected_setting"
    assert camera.expose(SHORT, soon()).actual["exposure_us"] == 1000


def test_a_wrong_clock_is_ahead_in_frames_and_exposures(camera: SimulatedDriver, inject: Any, soon: Soon) -> None:
    inject(wrong_clock=-7200)
    exposure, frame = camera.expose(SHORT, soon()), camera.frame(soon())
    assert frame is not None
    behind_s = [(camera.clock.wall_ns() - ns) / 1e9 for ns in (exposure.started_ns, frame.captured_ns)]
    assert behind_s == pytest.approx([7200, 7200], abs=600)


def test_the_fault_sets_the_temperature(camera: SimulatedDriver, inject: Any) -> None:
    inject(temperature=81.5)
    assert camera.temperature() == 81.5


def test_a_hang_ignores_abort_and_ends_with_the_next_faults(
    camera: SimulatedDriver, inject: Any, reports: Reports, soon: Soon
) -> None:
    def expose() -> None:
        with suppress(Aborted):
            camera.expose(SHORT, soon())

    inject(hang=1)
    caller = threading.Thread(target=expose, daemon=True)
    caller.start()
    eventually(lambda: reports[-1] == ({}, "hang"), "the hang")
    camera.abort()
    took_effect = camera.clock.monotonic()
    eventually(lambda: camera.clock.monotonic() > took_effect + 4 * ABORT_CHECK_S)
    assert caller.is_alive()
    inject()
    caller.join(PATIENCE_S)
    assert not caller.is_alive()


@pytest.mark.parametrize(
    "faults", [{"flood": True}, {"slow": 0}, {"hang": 0}, {"hang": "often"}, {"disconnect": 1}, {"temperature": "hot"}]
)
def test_faults_that_do_not_exist_are_refused_and_change_nothing(
    camera: SimulatedDriver, inject: Any, reports: Reports, faults: dict[str, Any], soon: Soon
) -> None:
    with pytest.raises(CameraError) as error:
        inject(**faults)
    assert error.value.reason == "rejected_setting"
    assert reports == []
    assert camera.expose(SHORT, soon()).warnings == []
