"""What the controllers do and say by the time, on a clock of the test."""

from __future__ import annotations

import pytest

from tests.harness.clocks.shared_time import SharedTime
from tests.harness.far_ends.telescope_controller import (
    RunningController,
    WireClient,
    exchange,
    running_controller,
    states_in,
)

EXPOSES = {"EXPOSING", "READOUT_PENDING", "ACTIVE", "POWERON"}
READS = {"READING", "POWERON"}
FETCHES = {"FETCHING", "FETCH_PENDING", "POWERON"}
IDLE = {"IDLE", "POWERON"}
HUNDRED_WORDS = [f"header word{number} 1" for number in range(100)]
HOLDS = {"IDLE", "POWERON", "FETCH_PENDING"}


def expose(clock: SharedTime, controller: RunningController, mode: str, seconds: float = 3, root: str = "night") -> str:
    return exchange(clock, controller.command_port, f"expose True {seconds:9.3f} {root} {mode}")


def status(clock: SharedTime, controller: RunningController) -> str:
    return exchange(clock, controller.status_port, "status")


@pytest.mark.parametrize(
    ("before", "mode", "after_s", "expected"),
    [
        ([], "single", 0, EXPOSES),
        ([], "single", 2.9, EXPOSES),
        ([], "single", 3.1, READS),
        ([], "single", 11.4, READS),
        ([], "single", 11.6, FETCHES),
        ([], "single", 14.7, FETCHES),
        ([], "single", 14.9, IDLE),
        ([], "first", 3.1, READS),
        ([], "first", 11.4, READS),
        ([], "first", 11.6, HOLDS),
        (["first"], "next", 1, EXPOSES | FETCHES),
        (["first"], "next", 3.2, READS | FETCHES),
        (["first"], "next", 3.4, READS),
        (["first"], "next", 11.6, HOLDS),
        (["first", "next"], "last", 1, FETCHES),
        (["first", "next"], "last", 3.4, IDLE),
        (["first", "first"], "last", 3.4, HOLDS),
    ],
)
def test_the_states_follow_the_exposure(
    clock: SharedTime, before: list[str], mode: str, after_s: float, expected: set[str]
) -> None:
    with running_controller(clock) as controller:
        assert [expose(clock, controller, one) for one in before] == ["DONE\n"] * len(before)
        with WireClient(clock, controller.command_port) as client:
            client.send(f"expose True 3 night {mode}")
            clock.sleep(after_s)
            assert states_in(status(clock, controller)) == expected


@pytest.mark.parametrize(
    ("command", "seconds"),
    [
        ("expose True     1.500 night single", 13.3),
        ("expose False    1.500 night first", 10.0),
        ("expose True     0.000 night single", 11.8),
        ("clear 20", 20.0),
        ("header sequence 1", 0.3),
        ("open_shutter", 2.0),
        ("close_shutter", 2.0),
        ("erase", 8.0),
        ("purge False", 4.0),
        ("purge True", 1.0),
        ("flush True 4", 1.0),
        ("clean True 2 3 False", 8.0 + 2 * 4.0 + 3 * 1.0),
        ("clean False 2 4 True", 2 * 1.0 + 4 * 0.25),
        ("vsub_on", 0.5),
        ("vsub_off", 0.5),
        ("power_on", 0.5),
        ("power_off", 0.5),
        ("autoclear_on", 0.5),
        ("autoflush_off", 0.5),
    ],
)
def test_a_command_takes_its_time(clock: SharedTime, command: str, seconds: float) -> None:
    with running_controller(clock) as controller:
        assert exchange(clock, controller.command_port, command) == "DONE\n"
        assert clock.monotonic() == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("clear 20", {"IDLE", "AUTOCLEAR", "POWERON"}),
        ("erase", {"ERASING", "POWERON"}),
        ("purge False", {"PURGING", "POWERON"}),
        ("flush False 10", {"FLUSHING", "POWERON"}),
        ("clean False 2 3 False", {"PURGING", "POWERON"}),
    ],
)
def test_a_procedure_has_its_state_until_it_ends(clock: SharedTime, command: str, expected: set[str]) -> None:
    with running_controller(clock) as controller:
        with WireClient(clock, controller.command_port) as client:
            client.send(command)
            clock.sleep(0.5)
            assert states_in(status(clock, controller)) == expected
            client.receive()
        assert states_in(status(clock, controller)) == IDLE


@pytest.mark.parametrize(
    ("commands", "expected"),
    [
        (["power_off"], {"IDLE", "POWEROFF"}),
        (["power_off", "power_on"], IDLE),
        (["autoclear_on"], {"IDLE", "AUTOCLEAR", "POWERON"}),
        (["autoclear_on", "autoclear_off"], IDLE),
        (["autoflush_on"], {"IDLE", "AUTOFLUSH", "POWERON"}),
    ],
)
def test_a_switch_stays_as_it_was_set(clock: SharedTime, commands: list[str], expected: set[str]) -> None:
    with running_controller(clock) as controller:
        assert [exchange(clock, controller.command_port, one) for one in commands] == ["DONE\n"] * len(commands)
        assert states_in(status(clock, controller)) == expected


def test_what_the_camera_does_when_idle_it_does_not_do_while_it_exposes(clock: SharedTime) -> None:
    with running_controller(clock) as controller, WireClient(clock, controller.command_port) as client:
        exchange(clock, controller.command_port, "autoclear_on")
        client.send("expose True 3 night single")
        clock.sleep(1)
        assert states_in(status(clock, controller)) == EXPOSES


def test_the_speed_divides_all_times(clock: SharedTime) -> None:
    with running_controller(clock, speed=10) as controller:
        expose(clock, controller, "single", 1.5)
        assert clock.monotonic() == pytest.approx(1.33)


def test_the_times_of_readout_and_fetch_can_be_chosen(clock: SharedTime) -> None:
    with running_controller(clock, readout_s=20, fetch_s=5) as controller:
        expose(clock, controller, "single", 1)
        assert clock.monotonic() == pytest.approx(26)


@pytest.mark.parametrize(
    ("before", "command", "error"),
    [
        ([], "expose True 1 night last", "there is no image in memory for mode last to fetch; begin with mode first"),
        ([], "expose True 1 night next", "there is no image in memory for mode next to fetch; begin with mode first"),
        (
            ["expose True 1 night first"] * 3,
            "expose True 1 night first",
            "the memory is full, it holds 3 images; fetch one with mode last",
        ),
        (["power_off"], "expose True 1 night single", "the bias power is off; send power_on first"),
        (["power_off"], "vsub_on", "the bias power is off; send power_on first"),
        (["power_off"], "clear 20", "the bias power is off; send power_on first"),
        ([], "expose perhaps 1 night single", "[perhaps] is neither True nor False"),
        ([], "expose True -1 night single", "[-1] is not a number of seconds between 0 and 100000"),
        ([], "expose True nan night single", "[nan] is not a number of seconds between 0 and 100000"),
        ([], "expose True 1e9 night single", "[1e9] is not a number of seconds between 0 and 100000"),
        ([], "expose True 1 night each", "unrecognized exposure mode [each]; the modes are single, first, next, last"),
        (
            [],
            "expose True 1 ../../etc/night single",
            "[../../etc/night] is no root of a file name: letters, digits, . - _, at most 64",
        ),
        ([], "clear soon", "[soon] is not a number of seconds between 0 and 86400"),
        ([], "flush True 1001", "[1001] is not a whole number between 0 and 1000"),
        ([], "flush True -1", "[-1] is not a whole number between 0 and 1000"),
        ([], "purge 1", "[1] is neither True nor False"),
        (HUNDRED_WORDS, "header word 1", "the header has 100 words already, which is the most"),
    ],
)
def test_what_the_camera_cannot_do_is_an_error(clock: SharedTime, before: list[str], command: str, error: str) -> None:
    with running_controller(clock) as controller:
        assert [exchange(clock, controller.command_port, one) for one in before] == ["DONE\n"] * len(before)
        began_at = clock.monotonic()
        assert exchange(clock, controller.command_port, command) == f"ERROR {error}\n"
        assert clock.monotonic() == began_at


def test_an_exposure_that_fails_is_an_error_of_the_camera_until_one_succeeds(clock: SharedTime) -> None:
    with running_controller(clock) as controller:
        expose(clock, controller, "last")
        failed = status(clock, controller)
        expose(clock, controller, "single")
        succeeded = status(clock, controller)
    assert " 'state': 'done exposing',\n 'error': True,\n 'comment': 'simulated: there is no image in memory" in failed
    assert " 'state': 'done exposing',\n 'error': False,\n 'comment': 'simulated: expo_mode single',\n" in succeeded


def test_the_camera_says_that_it_exposes_and_in_which_mode(clock: SharedTime) -> None:
    with running_controller(clock) as controller, WireClient(clock, controller.command_port) as client:
        client.send("expose True 3 night first")
        clock.sleep(1)
        assert " 'state': 'exposing',\n 'error': False,\n 'comment': 'simulated: expo_mode first',\n" in status(
            clock, controller
        )


@pytest.mark.parametrize(
    ("command", "after_s", "state", "ready"),
    [
        ("restart", 1, "stopping", False),
        ("restart", 2.5, "stopped", False),
        ("restart", 4, "initializing", False),
        ("restart", 8.5, "initialized", False),
        ("restart", 10, "starting", False),
        ("restart", 14, "started", True),
        ("reboot", 14, "initializing", False),
        ("reboot", 34, "started", True),
    ],
)
def test_a_restart_goes_through_all_states_of_the_camera(
    clock: SharedTime, command: str, after_s: float, state: str, ready: bool
) -> None:
    with running_controller(clock) as controller:
        expose(clock, controller, "first")
        assert exchange(clock, controller.command_port, command) == "DONE\n"
        clock.sleep(after_s)
        reply = status(clock, controller)
    assert reply.startswith(f"DONE {{'ready': {ready},\n 'state': '{state}',\n")


def test_commands_are_refused_until_the_camera_has_started(clock: SharedTime) -> None:
    with running_controller(clock) as controller:
        exchange(clock, controller.command_port, "restart")
        clock.sleep(5)
        assert exchange(clock, controller.command_port, "clear 1") == (
            "ERROR the camera is initializing; wait until its state is started\n"
        )
        clock.sleep(10)
        assert exchange(clock, controller.command_port, "clear 1") == "DONE\n"


def test_a_restart_empties_the_memory_and_switches_the_power_on(clock: SharedTime) -> None:
    with running_controller(clock) as controller:
        expose(clock, controller, "first")
        exchange(clock, controller.command_port, "power_off")
        exchange(clock, controller.command_port, "restart")
        clock.sleep(20)
        assert states_in(status(clock, controller)) == IDLE


def test_shutdown_is_answered_and_ends_the_simulator(clock: SharedTime) -> None:
    with running_controller(clock) as controller:
        assert exchange(clock, controller.command_port, "shutdown") == "DONE\n"
        clock.sleep(1)
        assert "'state': 'stopping'" in status(clock, controller)
        clock.sleep(2)
        with WireClient(clock, controller.status_port) as client:
            assert client.send("status").receive(1) is None
