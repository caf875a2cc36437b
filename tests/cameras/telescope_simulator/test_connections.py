"""Who is served when: commands one at a time, the status at any time, and clients that stay."""

from __future__ import annotations

import os
import socket

import pytest

from scheduler.telescope.simulator.connections import LINGER_S, MOST_CONNECTIONS
from scheduler.telescope.simulator.options import SimulatorOptions
from scheduler.telescope.simulator.simulator import ControllerSimulator
from tests.harness.clocks.shared_time import SharedTime
from tests.harness.far_ends.telescope_controller import WireClient, exchange, running_controller

ENDS = pytest.mark.parametrize("is_closing", [True, False], ids=["closing", "non-closing"])


@ENDS
def test_the_status_port_answers_at_once_during_an_exposure(clock: SharedTime, is_closing: bool) -> None:
    with (
        running_controller(clock, is_closing=is_closing) as controller,
        WireClient(clock, controller.command_port) as client,
    ):
        client.send("expose True 100 night single")
        clock.sleep(50)
        assert "'EXPOSING': '1111'" in exchange(clock, controller.status_port, "status")
        assert clock.monotonic() == 50


@pytest.mark.parametrize("is_strict", [True, False], ids=["strict", "lenient"])
def test_a_second_command_is_executed_after_the_first(clock: SharedTime, is_strict: bool) -> None:
    with (
        running_controller(clock, is_strict=is_strict) as controller,
        WireClient(clock, controller.command_port) as first,
        WireClient(clock, controller.command_port) as second,
    ):
        first.send("clear 20")
        clock.sleep(5)
        second.send("clear 10")
        assert first.receive() == b"DONE\n"
        assert clock.monotonic() == 20
        assert second.receive() == b"DONE\n"
        assert clock.monotonic() == 30


def test_a_client_that_stays_after_its_reply_stops_both_ports_of_a_strict_controller(clock: SharedTime) -> None:
    with (
        running_controller(clock, is_strict=True, is_closing=False) as controller,
        WireClient(clock, controller.command_port) as idle,
    ):
        assert idle.send("header sequence 1").receive() == b"DONE\n"
        clock.sleep(0.2)
        with WireClient(clock, controller.status_port) as waiting:
            assert waiting.send("status").receive(60) is None
            idle.socket.close()
            assert (waiting.receive(60) or b"").startswith(b"DONE")


def test_a_client_that_closes_promptly_stops_no_port_of_a_strict_controller(clock: SharedTime) -> None:
    with running_controller(clock, is_strict=True, is_closing=False) as controller:
        exchange(clock, controller.command_port, "header sequence 1")
        before = clock.monotonic()
        assert exchange(clock, controller.status_port, "status", 0.2).startswith("DONE")
        assert clock.monotonic() == before


def test_a_client_that_has_sent_nothing_stops_no_port_of_a_strict_controller(clock: SharedTime) -> None:
    with (
        running_controller(clock, is_strict=True, is_closing=False) as controller,
        WireClient(clock, controller.command_port),
    ):
        clock.sleep(10)
        assert exchange(clock, controller.command_port, "header sequence 1", 1) == "DONE\n"
        assert exchange(clock, controller.status_port, "status", 1).startswith("DONE")


def test_a_client_that_stays_after_its_reply_stops_no_port_of_a_lenient_controller(clock: SharedTime) -> None:
    with (
        running_controller(clock, is_strict=False, is_closing=False) as controller,
        WireClient(clock, controller.command_port) as idle,
    ):
        idle.send("header sequence 1").receive()
        clock.sleep(10)
        assert exchange(clock, controller.command_port, "header sequence 2", 1) == "DONE\n"
        assert exchange(clock, controller.status_port, "status", 1).startswith("DONE")


def test_a_command_of_a_client_that_has_left_is_executed_all_the_same(clock: SharedTime) -> None:
    with running_controller(clock) as controller:
        with WireClient(clock, controller.command_port) as client:
            client.send("expose True 10 night single")
            clock.sleep(1)
        clock.sleep(60)
        assert "'state': 'done exposing'" in exchange(clock, controller.status_port, "status")
    assert controller.images == 1


def test_the_reply_reaches_a_client_that_has_sent_more_than_one_command_has_bytes(clock: SharedTime) -> None:
    with running_controller(clock, is_closing=True) as controller, WireClient(clock, controller.command_port) as client:
        assert client.send(b"x" * 5000).receive_all() == b"ERROR\n"


def test_a_client_that_does_not_close_is_closed_after_some_seconds(clock: SharedTime) -> None:
    with running_controller(clock, is_closing=True) as controller, WireClient(clock, controller.command_port) as client:
        client.send("bogus").receive_all()
        descriptors = len(os.listdir("/proc/self/fd"))
        clock.sleep(LINGER_S + 1)
        assert len(os.listdir("/proc/self/fd")) <= descriptors - 1


@ENDS
def test_a_thousand_connections_leave_no_descriptor_behind(clock: SharedTime, is_closing: bool) -> None:
    with running_controller(clock, is_closing=is_closing, speed=1000) as controller:
        exchange(clock, controller.command_port, "header sequence 0")
        clock.sleep(LINGER_S + 1)
        descriptors = len(os.listdir("/proc/self/fd"))
        for number in range(500):
            exchange(clock, controller.command_port, f"header sequence {number}")
            exchange(clock, controller.status_port, "status")
        clock.sleep(LINGER_S + 1)
        assert len(os.listdir("/proc/self/fd")) <= descriptors
    assert len(controller.reports) == 1001


def test_of_too_many_clients_the_one_that_is_silent_for_longest_is_closed(clock: SharedTime) -> None:
    with running_controller(clock) as controller:
        silent = [WireClient(clock, controller.command_port) for _ in range(MOST_CONNECTIONS)]
        clock.sleep(1)
        assert exchange(clock, controller.command_port, "header sequence 1", 1) == "DONE\n"
        assert silent[0].receive(0) == b""
        assert silent[1].receive(0) is None
        for client in silent:
            client.socket.close()


@pytest.fixture
def stopped(clock: SharedTime) -> tuple[int, int]:
    """The ports of a simulator that was stopped while it served clients."""
    with running_controller(clock) as controller, WireClient(clock, controller.command_port) as client:
        client.send("clear 100")
        exchange(clock, controller.status_port, "status")
        return controller.command_port, controller.status_port


def test_the_ports_are_free_at_once_after_a_stop(clock: SharedTime, stopped: tuple[int, int]) -> None:
    command_port, status_port = stopped
    with running_controller(clock, command_port=command_port, status_port=status_port) as controller:
        assert exchange(clock, controller.status_port, "status").startswith("DONE")


def test_a_port_that_another_program_has_cannot_be_bound(clock: SharedTime) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        simulator = ControllerSimulator(SimulatorOptions(command_port=other.getsockname()[1], status_port=0), clock)
        with pytest.raises(OSError, match="in use"):
            simulator.bind()
        simulator.close()
