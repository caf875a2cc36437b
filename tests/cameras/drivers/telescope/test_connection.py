from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from scheduler.telescope.driver.clock import SystemClock
from scheduler.telescope.driver.connection import CommandPort, ControllerHeld, ControllerLock
from tests.cameras.drivers.telescope.recorded_replies import live_status
from tests.harness.clocks.clock import SteppingClock
from tests.harness.far_ends.scripted_controller import ScriptedController, controller_answering

SOON_S = 0.2
LONG_S = 30.0
STATUS = live_status().encode() + b"\n"


class SteppingSocketClock(SteppingClock):
    """Pauses take no time; sockets are those of the machine."""

    def __init__(self) -> None:
        super().__init__()
        self.pauses: list[float] = []
        self._sockets = SystemClock()

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.advance(max(0.0, seconds))

    def wait_ready(
        self, readers: list[socket.socket], writers: list[socket.socket], _seconds: float | None
    ) -> list[socket.socket]:
        return self._sockets.wait_ready(readers, writers, LONG_S)


def command_port(port: int) -> CommandPort:
    return CommandPort("127.0.0.1", port, SystemClock())


def bytes_of(content: bytes) -> list[bytes]:
    return [content[place : place + 1] for place in range(len(content))]


def open_sockets() -> int:
    links = Path("/proc/self/fd").iterdir()
    return sum(link.is_symlink() and os.readlink(link).startswith("socket:") for link in links)


@pytest.mark.parametrize("closes", [True, False], ids=["closing", "non-closing"])
@pytest.mark.parametrize("pieces", [[b"DONE\n"], bytes_of(b"DONE\n"), [STATUS], bytes_of(STATUS)])
def test_a_reply_is_read_from_every_kind_of_server(pieces: list[bytes], closes: bool) -> None:
    with controller_answering(*pieces, closes=closes) as controller:
        reply = command_port(controller.port).send("status", LONG_S)
    assert reply == b"".join(pieces).decode().strip()


def test_a_server_that_closes_needs_no_line_feed() -> None:
    with controller_answering(b"DONE 1.5", closes=True) as controller:
        assert command_port(controller.port).send("status", LONG_S) == "DONE 1.5"


def test_a_reply_without_line_feed_from_a_server_that_does_not_close_is_read_at_the_deadline() -> None:
    with controller_answering(b"DONE", closes=False) as controller:
        assert command_port(controller.port).send("status", SOON_S) == "DONE"


def test_the_command_is_sent_as_it_is() -> None:
    with controller_answering(b"DONE\n", closes=False) as controller:
        command_port(controller.port).send("header comment ' two words '", LONG_S)
    assert controller.commands == [b"header comment ' two words '"]


def test_the_connection_is_closed_as_soon_as_the_reply_is_there() -> None:
    with controller_answering(b"DONE\n", closes=False) as controller:
        port = command_port(controller.port)
        # The second one is accepted only after the first has been closed.
        assert [port.send("status", LONG_S), port.send("status", LONG_S)] == ["DONE", "DONE"]


def test_a_pause_lies_between_two_commands() -> None:
    clock = SteppingSocketClock()
    with controller_answering(b"DONE\n", closes=True) as controller:
        port = CommandPort("127.0.0.1", controller.port, clock)
        port.send("status", LONG_S)
        port.send("status", LONG_S)
    assert [seconds for seconds in clock.pauses if seconds > 0] == [pytest.approx(0.1)]


def test_no_answer_is_a_time_out_that_names_the_command() -> None:
    with (
        controller_answering(closes=False) as controller,
        pytest.raises(TimeoutError, match=r"'clear 20' within 0\.2 s\."),
    ):
        command_port(controller.port).send("clear 20", SOON_S)


def test_half_an_answer_is_a_time_out_that_shows_it() -> None:
    with (
        controller_answering(STATUS[:40], closes=False) as controller,
        pytest.raises(TimeoutError, match=r"it began with .DONE \{'ready': True"),
    ):
        command_port(controller.port).send("status", SOON_S)


def test_a_server_that_closes_at_once_is_a_failed_connection() -> None:
    with (
        controller_answering(closes=True) as controller,
        pytest.raises(ConnectionError, match="closed the connection without a reply"),
    ):
        command_port(controller.port).send("status", LONG_S)


def test_a_port_on_which_no_one_listens_is_a_failed_connection() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(ConnectionError, match=f"127.0.0.1:{port} failed: Connection refused. Check the controller"):
        command_port(port).send("status", LONG_S)


def test_a_host_without_an_address_is_a_failed_connection() -> None:
    with pytest.raises(ConnectionError, match=r"no-such-controller\.invalid:5000 failed"):
        CommandPort("no-such-controller.invalid", 5000, SystemClock()).send("status", LONG_S)


def test_an_address_that_is_not_allowed_is_not_connected_to() -> None:
    def refuse(address: str, port: int) -> None:
        raise ConnectionError(f"{address} is not allowed")

    with controller_answering(b"DONE\n", closes=True) as controller:
        port = CommandPort("127.0.0.1", controller.port, SystemClock(), refuse)
        with pytest.raises(ConnectionError, match=r"127\.0\.0\.1 is not allowed"):
            port.send("status", LONG_S)
    assert controller.commands == []


@pytest.mark.parametrize("command", ["", "  ", "status\n", "header comment é", "x" * 1024])
def test_what_is_no_command_is_not_sent(command: str) -> None:
    with controller_answering(b"DONE\n", closes=True) as controller:
        with pytest.raises(ValueError, match="command"):
            command_port(controller.port).send(command, LONG_S)
        assert controller.commands == []


def test_no_socket_remains_after_a_failure() -> None:
    before = open_sockets()
    with ScriptedController([[], [b"DO"]], closes=False) as controller:
        port = command_port(controller.port)
        with pytest.raises(TimeoutError):
            port.send("status", 0.05)
        with pytest.raises(TimeoutError):
            port.send("status", 0.05)
    assert open_sockets() == before


# Ownership


@pytest.fixture
def free_port() -> Iterator[int]:
    """No other program of this machine has it during the test."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_second_owner_is_told_who_has_the_controller(free_port: int) -> None:
    first, second = ControllerLock("127.0.0.1", free_port), ControllerLock("localhost", free_port)
    first.acquire()
    with pytest.raises(ControllerHeld, match=f"held by process {os.getpid()}.*two programs") as refusal:
        second.acquire()
    first.release()
    assert refusal.value.pid == os.getpid()


def test_a_released_controller_can_be_owned(free_port: int) -> None:
    first, second = ControllerLock("127.0.0.1", free_port), ControllerLock("127.0.0.1", free_port)
    first.acquire()
    first.release()
    second.acquire()
    second.release()


def test_controllers_on_other_ports_have_other_owners(free_port: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        first, second = ControllerLock("127.0.0.1", free_port), ControllerLock("127.0.0.1", other.getsockname()[1])
        first.acquire()
        second.acquire()
        first.release()
        second.release()


OWN_A_CONTROLLER = """
import sys
from scheduler.telescope.driver.connection import ControllerLock
lock = ControllerLock("127.0.0.1", int(sys.argv[1]))
lock.acquire()
print("owned", flush=True)
sys.stdin.read()
"""


def test_a_killed_program_owns_nothing(free_port: int) -> None:
    program = subprocess.Popen(
        [sys.executable, "-c", OWN_A_CONTROLLER, str(free_port)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    lock = ControllerLock("127.0.0.1", free_port)
    with program:
        assert program.stdout is not None
        program.stdout.readline()
        with pytest.raises(ControllerHeld, match=f"process {program.pid} .*python"):
            lock.acquire()
        program.kill()
    lock.acquire()
    lock.release()
