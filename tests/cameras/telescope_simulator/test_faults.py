"""Faults: what the client gets, whether the command is executed, and when a fault is used up."""

from __future__ import annotations

import pytest

from scheduler.telescope.simulator.faults import FAULTS, FaultKind, Faults, parse_fault
from tests.harness.clocks.shared_time import SharedTime
from tests.harness.far_ends.telescope_controller import RunningController, WireClient, exchange, running_controller

HEADER = "header sequence 1"
EXECUTES = [kind for kind, fault in FAULTS.items() if fault.executes and "command" in fault.ports]


def received(clock: SharedTime, controller: RunningController, command: str = HEADER) -> bytes:
    """All that a client gets on the command port until the end of the connection, or in 60 s."""
    with WireClient(clock, controller.command_port) as client:
        return client.send(command).receive_all(60)


def last_command(clock: SharedTime, controller: RunningController) -> str:
    """Of a status, `cmd_command` with its arguments."""
    return exchange(clock, controller.status_port, "status").partition("'cmd_command':")[2]


@pytest.mark.parametrize(
    ("kind", "reply", "is_executed"),
    [
        ("no-answer", b"", True),
        ("half", b"DO", True),
        ("slow", b"DONE\n", True),
        ("error", b"ERROR simulated fault\n", False),
        ("drop", b"", False),
    ],
)
def test_a_fault_changes_the_next_reply_alone(
    clock: SharedTime, kind: FaultKind, reply: bytes, is_executed: bool
) -> None:
    with running_controller(clock) as controller:
        controller.faults.arm(kind, 1)
        assert received(clock, controller) == reply
        assert ("'header'" in last_command(clock, controller)) == is_executed
        assert received(clock, controller) == b"DONE\n"


@pytest.mark.parametrize("is_closing", [True, False], ids=["closing", "non-closing"])
def test_a_command_without_an_answer_leaves_its_client_connected(clock: SharedTime, is_closing: bool) -> None:
    with running_controller(clock, is_closing=is_closing) as controller:
        controller.faults.arm("no-answer")
        with WireClient(clock, controller.command_port) as client:
            assert client.send(HEADER).receive(3600) is None


def test_a_dropped_command_ends_its_connection_at_once(clock: SharedTime) -> None:
    with running_controller(clock, is_closing=False) as controller:
        controller.faults.arm("drop")
        with WireClient(clock, controller.command_port) as client:
            assert client.send(HEADER).receive(3600) == b""
        assert clock.monotonic() == 0


def test_half_a_reply_of_a_non_closing_controller_leaves_its_client_waiting(clock: SharedTime) -> None:
    with running_controller(clock, is_closing=False) as controller:
        controller.faults.arm("half")
        with WireClient(clock, controller.command_port) as client:
            assert client.send(HEADER).receive() == b"DO"
            assert client.receive(3600) is None


def test_a_slow_reply_comes_byte_by_byte(clock: SharedTime) -> None:
    with running_controller(clock) as controller, WireClient(clock, controller.command_port) as client:
        controller.faults.arm("slow")
        client.send(HEADER)
        assert [client.receive() for _ in range(6)] == [b"D", b"O", b"N", b"E", b"\n", b""]
        assert clock.monotonic() == pytest.approx(0.3 + 4 * 0.002)


def test_garbage_is_as_long_as_the_reply_and_each_time_the_same_for_a_seed(clock: SharedTime) -> None:
    seen = []
    for _ in range(2):
        with running_controller(clock, seed=7) as controller:
            controller.faults.arm("garbage")
            seen.append(received(clock, controller))
    assert seen[0] == seen[1] != b"DONE\n"
    assert len(seen[0]) == 5


@pytest.mark.parametrize("port", ["command_port", "status_port"])
def test_a_wrong_date_is_in_a_status_of_either_port_and_in_no_other_reply(clock: SharedTime, port: str) -> None:
    with running_controller(clock) as controller:
        controller.faults.arm("wrong-date", 1)
        assert received(clock, controller) == b"DONE\n"
        assert " 'date': '1970-01-01T00:00:00.00',\n" in exchange(clock, getattr(controller, port), "status")
        assert " 'date': '2027-01-15T" in exchange(clock, getattr(controller, port), "status")


def test_a_frozen_status_port_accepts_and_never_answers_while_commands_are_answered(clock: SharedTime) -> None:
    with running_controller(clock) as controller:
        controller.faults.arm("frozen-status")
        with WireClient(clock, controller.status_port) as client:
            assert client.send("status").receive(3600) is None
        assert received(clock, controller) == b"DONE\n"
        controller.faults.disarm("frozen-status")
        assert exchange(clock, controller.status_port, "status").startswith("DONE")


@pytest.mark.parametrize("port", ["command_port", "status_port"])
def test_both_ports_refuse_connections_for_a_time(clock: SharedTime, port: str) -> None:
    with running_controller(clock) as controller:
        controller.faults.arm("refuse", 30)
        clock.sleep(29)
        with pytest.raises(ConnectionRefusedError):
            WireClient(clock, getattr(controller, port))
        clock.sleep(2)
        assert exchange(clock, getattr(controller, port), "status").startswith("DONE")


def test_connections_are_refused_until_the_fault_is_disarmed(clock: SharedTime) -> None:
    with running_controller(clock) as controller:
        controller.faults.arm("refuse")
        clock.sleep(1e6)
        with pytest.raises(ConnectionRefusedError):
            WireClient(clock, controller.command_port)
        controller.faults.disarm("refuse")
        clock.sleep(1)
        assert received(clock, controller) == b"DONE\n"


def test_a_fault_is_reported_with_its_command(clock: SharedTime) -> None:
    with running_controller(clock) as controller:
        controller.faults.arm("drop", 1)
        received(clock, controller)
        received(clock, controller)
    assert [(report.text, report.reply, report.fault) for report in controller.reports] == [
        (HEADER, "", "drop"),
        (HEADER, "DONE", None),
    ]


@pytest.mark.parametrize("kind", EXECUTES)
def test_an_exposure_is_taken_though_its_reply_is_lost(clock: SharedTime, kind: FaultKind) -> None:
    with running_controller(clock) as controller:
        controller.faults.arm(kind, 1)
        received(clock, controller, "expose True 1 night single")
    assert controller.images == 1


def drawn(probability: float, seed: int, count: int = 1000) -> list[str | None]:
    faults = Faults(seed, lambda: None)
    faults.arm("half", probability=probability)
    return [faults.draw("command", has_date=False) for _ in range(count)]


def test_a_probability_strikes_about_so_often_and_the_same_for_a_seed() -> None:
    assert 200 < drawn(0.25, seed=1).count("half") < 300
    assert drawn(0.25, seed=1) == drawn(0.25, seed=1) != drawn(0.25, seed=2)


def test_a_count_is_used_up() -> None:
    faults = Faults(0, lambda: None)
    faults.arm("error", 2)
    assert [faults.draw("command", has_date=False) for _ in range(3)] == ["error", "error", None]


@pytest.mark.parametrize(
    ("port", "kinds"), [("status", ["no-answer", "error", "drop"]), ("command", ["frozen-status"])]
)
def test_a_fault_strikes_only_its_ports(port: str, kinds: list[FaultKind]) -> None:
    faults = Faults(0, lambda: None)
    for kind in kinds:
        faults.arm(kind)
    assert faults.draw(port, has_date=True) is None  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "arguments"),
    [
        ("half", ("half", None, 1.0)),
        ("half:3", ("half", 3, 1.0)),
        ("half:0.1", ("half", None, 0.1)),
        ("refuse:30", ("refuse", 30, 1.0)),
    ],
)
def test_a_fault_of_the_command_line_has_a_count_or_a_probability(text: str, arguments: object) -> None:
    assert parse_fault(text) == arguments


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("hal", "'hal' is no fault; the faults are no-answer, half, slow, error, drop, garbage, wrong-date, "),
        ("half:often", "'often' is neither a count, such as 3, nor a probability, such as 0.1."),
        ("half:", "'' is neither a count, such as 3, nor a probability, such as 0.1."),
        ("half:0", "The fault half cannot have the count 0; allowed is 1 to 1000000."),
        ("half:1.5", "The fault half cannot have the probability 1.5; allowed is above 0 up to 1."),
    ],
)
def test_a_wrong_fault_is_refused_with_what_is_allowed(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Faults(0, lambda: None).arm(*parse_fault(text))
