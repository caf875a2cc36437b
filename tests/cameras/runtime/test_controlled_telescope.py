from __future__ import annotations

import pytest

from cameras.drivers.base import Aborted
from cameras.drivers.telescope_port import NoTelescope, Pointing
from cameras.telescope_status.sources import ControlledTelescope, Site, SourceContext, create_source
from tests.harness.clocks.clock import SteppingClock

SITE = Site(-29.257, -70.7295, 2347.0)


@pytest.fixture
def clock() -> SteppingClock:
    return SteppingClock()


def telescope(clock: SteppingClock, kind: str = "simulated", **settings: object) -> ControlledTelescope:
    return ControlledTelescope(create_source(kind, settings, SourceContext(clock, SITE)), clock)


def soon(clock: SteppingClock, seconds: float = 120.0) -> float:
    return clock.monotonic() + seconds


def test_a_move_returns_once_the_telescope_is_there(clock: SteppingClock) -> None:
    mount = telescope(clock, slew_deg_per_s=2.0)
    mount.move(Pointing((3.0, -20.0)), soon(clock))
    begin = clock.monotonic()
    assert mount.move(Pointing((4.0, -20.0)), soon(clock)) == []
    assert clock.monotonic() - begin == pytest.approx(15 / 2, abs=0.6)
    words, problem = mount.header_words(soon(clock))
    assert (words["tele-ra"], words["tele-dec"], problem) == ("4.0000", "-20.0000", "")


def test_focus_and_filter_are_set(clock: SteppingClock) -> None:
    mount = telescope(clock)
    assert mount.move(Pointing(focus=25.3, filter_name="r"), soon(clock)) == []
    words, _ = mount.header_words(soon(clock))
    assert (words["focus"], words["filterna"]) == ("25.3000", "r")


def test_what_cannot_be_moved_is_said_and_the_rest_is_moved(clock: SteppingClock) -> None:
    mount = telescope(clock)
    (problem,) = mount.move(Pointing((3.0, -20.0), filter_name="none such"), soon(clock))
    assert "no filter 'none such'" in problem
    assert mount.header_words(soon(clock))[0]["tele-ra"] == "3.0000"


def test_a_telescope_that_is_too_slow_is_not_waited_for(clock: SteppingClock) -> None:
    mount = telescope(clock, slew_deg_per_s=0.1)
    mount.move(Pointing((3.0, -20.0)), soon(clock))
    begin = clock.monotonic()
    assert "still moves" in " ".join(mount.move(Pointing((9.0, -20.0)), soon(clock, 10.0)))
    assert clock.monotonic() - begin == pytest.approx(10.0, abs=0.6)


def test_an_abort_ends_the_wait(clock: SteppingClock) -> None:
    mount = telescope(clock, slew_deg_per_s=0.1)
    mount.move(Pointing((3.0, -20.0)), soon(clock))
    clock.interrupt_at = len(clock.waits) + 2
    with pytest.raises(Aborted):
        mount.move(Pointing((9.0, -20.0)), soon(clock))


@pytest.mark.parametrize("mount", ["fixed", "none"])
def test_a_telescope_that_cannot_be_moved_says_so(clock: SteppingClock, mount: str) -> None:
    still = NoTelescope() if mount == "none" else telescope(clock, "fixed", ra=3.0)
    assert still.move(Pointing(), soon(clock)) == []
    assert "was not moved" in " ".join(still.move(Pointing((3.0, -20.0)), soon(clock)))
    assert still.immovable


def test_a_telescope_that_points_is_not_immovable(clock: SteppingClock) -> None:
    assert telescope(clock).immovable == ""
