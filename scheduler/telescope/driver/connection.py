"""One command to a port of the controller, over a connection of its own; and the lock by which one program of this
machine owns a controller: two would give it commands by turns, and neither would notice. The owner is bound to a name
in Linux's abstract namespace. It is free again when its process ends, whatever ends it."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import struct
import threading
from collections.abc import Callable, Iterator

from core.device_holders import camera_of_process
from scheduler.telescope.driver.clock import SocketClock
from scheduler.telescope.driver.protocol import COMMAND_DELAY_S, ReplyReader, check_command, check_reply

Address = tuple[socket.AddressFamily, tuple[str, int] | tuple[str, int, int, int]]
CheckAddress = Callable[[str, int], None]
"""Raises ConnectionError for an IP address and a port to which no connection may be opened."""


def allow_address(address: str, port: int) -> None:
    """Every address is allowed."""


class OpenCommand:
    """A command that was sent, until its reply is read."""

    def __init__(self, port: CommandPort, command: str, connection: socket.socket) -> None:
        self.port, self.command = port, command
        self._connection = connection

    def read(self, clock: SocketClock, deadline: float) -> str:
        """The reply; the connection is closed then, whatever came. ConnectionError, TimeoutError."""
        begin = clock.monotonic()
        try:
            return self._read(clock, deadline)
        except TimeoutError as error:
            raise self.port.slowness_of(self.command, deadline - begin, error) from None
        except OSError as error:
            raise failure_of(self.port.host, self.port.port, error) from error
        finally:
            self.close()

    def _read(self, clock: SocketClock, deadline: float) -> str:
        reader = ReplyReader()
        while True:
            try:
                wait_for(clock, self._connection, deadline)
            except TimeoutError:
                if (reply := reader.at_deadline()) is not None:
                    return reply
                raise TimeoutError(reader.text) from None
            piece = self._connection.recv(4096)
            if not piece:
                return reader.at_end()
            if reader.feed(piece):
                return reader.text

    @property
    def connection(self) -> socket.socket:
        """To wait for the reply. Only `read` reads from it."""
        return self._connection

    def interrupt(self) -> None:
        """From any thread: `read` ends."""
        # Not closed: the number of the descriptor could be another connection's by the time that `read` uses it.
        with contextlib.suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Closed at once: the controller waits for the next command of an open connection, and answers no one else."""
        self._connection.close()
        self.port.pause()


class CommandPort:
    """A port of a controller. Threads may share it: commands are sent one after the other, with the pause that the
    controller needs between two."""

    def __init__(self, host: str, port: int, clock: SocketClock, check_address: CheckAddress = allow_address) -> None:
        self.host, self.port = host, port
        self._clock, self._check_address = clock, check_address
        self._turn = threading.Lock()
        self._free_at = float("-inf")

    def send(self, command: str, timeout_s: float) -> str:
        """The reply to a command. `timeout_s` covers the connection and the reply, and not the pause before them.

        ValueError for a command that is not one; ConnectionError when the controller cannot be reached or breaks off;
        TimeoutError without a whole reply in time.
        """
        content = check_command(command)
        with self._turn:
            self._clock.sleep(self._free_at - self._clock.monotonic())
            deadline = self._clock.monotonic() + timeout_s
            return self._open(command, content, deadline).read(self._clock, deadline)

    def begin(self, command: str, timeout_s: float) -> OpenCommand:
        """Send a command, and leave its reply to the caller, who sends no other one before. Errors as those of
        `send`."""
        content = check_command(command)
        self._clock.sleep(self._free_at - self._clock.monotonic())
        return self._open(command, content, self._clock.monotonic() + timeout_s)

    def pause(self) -> None:
        """A command has ended."""
        self._free_at = self._clock.monotonic() + COMMAND_DELAY_S

    def slowness_of(self, command: str, timeout_s: float, error: TimeoutError) -> TimeoutError:
        # The kernel has a time-out of its own for connections.
        return slowness_of(self.host, self.port, command, timeout_s, "" if error.errno else str(error))

    def _open(self, command: str, content: bytes, deadline: float) -> OpenCommand:
        begin = self._clock.monotonic()
        try:
            connection = self._connect(deadline)
            try:
                self._write(connection, content, deadline)
            except BaseException:
                connection.close()
                raise
        except TimeoutError as error:
            self.pause()
            raise self.slowness_of(command, deadline - begin, error) from None
        except OSError as error:
            self.pause()
            raise failure_of(self.host, self.port, error) from error
        return OpenCommand(self, command, connection)

    def _connect(self, deadline: float) -> socket.socket:
        problem: OSError = ConnectionError("its name has no address")
        for family, address in resolve(self.host, self.port):
            self._check_address(str(address[0]), self.port)
            connection = socket.socket(family, socket.SOCK_STREAM)
            try:
                self._connect_to(connection, address, deadline)
            except OSError as error:
                connection.close()
                if isinstance(error, TimeoutError):
                    raise
                problem = error
            except BaseException:
                connection.close()
                raise
            else:
                return connection
        raise problem

    def _connect_to(self, connection: socket.socket, address: tuple[object, ...], deadline: float) -> None:
        connection.setblocking(False)
        code = connection.connect_ex(address)
        if code == errno.EINPROGRESS:
            wait_for(self._clock, connection, deadline, to_write=True)
            code = connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            raise OSError(code, os.strerror(code))

    def _write(self, connection: socket.socket, content: bytes, deadline: float) -> None:
        left = memoryview(content)
        while left:
            wait_for(self._clock, connection, deadline, to_write=True)
            left = left[connection.send(left) :]


class ControllerConnection:
    """The two ports of a controller, and the lock by which this program owns it. Nothing is opened here."""

    def __init__(
        self, host: str, command_port: int, status_port: int, clock: SocketClock, check_address: CheckAddress
    ) -> None:
        self.host, self.command_port, self.status_port = host, command_port, status_port
        self.lock = ControllerLock(host, command_port)
        self._commands = CommandPort(host, command_port, clock, check_address)
        self._statuses = CommandPort(host, status_port, clock, check_address)

    def send(self, command: str, timeout_s: float) -> str:
        """The reply, if it is DONE; else CommandError. Errors as those of `CommandPort.send`."""
        return check_reply(command, self._commands.send(command, timeout_s))

    def send_to_status_port(self, command: str, timeout_s: float) -> str:
        return check_reply(command, self._statuses.send(command, timeout_s))


def wait_for(clock: SocketClock, connection: socket.socket, deadline: float, *, to_write: bool = False) -> None:
    """TimeoutError after the deadline."""
    readers, writers = ([], [connection]) if to_write else ([connection], [])
    # Also after the deadline: what is there already is in time.
    if not clock.wait_ready(readers, writers, max(0.0, deadline - clock.monotonic())):
        raise TimeoutError


def slowness_of(host: str, port: int, command: str, timeout_s: float, begun: str) -> TimeoutError:
    """`begun`: what has arrived of the reply."""
    found = f"; it began with {begun[:100]!r}" if begun else ""
    return TimeoutError(
        f"The controller at {host}:{port} gave no whole reply to {command!r} within {round(timeout_s, 2):g} s{found}."
    )


def failure_of(host: str, port: int, error: OSError) -> ConnectionError:
    reason = os.strerror(error.errno) if error.errno and error.errno > 0 else str(error)
    message = f"The connection to the controller at {host}:{port} failed: {reason}".rstrip(".")
    return ConnectionError(f"{message}. Check the controller and its address.")


def resolve(host: str, port: int) -> Iterator[Address]:
    """The addresses of a host. OSError when its name has none."""
    for family, _, _, _, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        yield family, address  # type: ignore[misc]


class ControllerHeld(ConnectionError):
    """Another program, or another part of this one, owns the controller. `pid` is its process, 0 if unknown."""

    def __init__(self, message: str, pid: int) -> None:
        super().__init__(message)
        self.pid = pid


class ControllerLock:
    """Holds a controller, named by the IP address and the command port, until `release`."""

    def __init__(self, host: str, port: int) -> None:
        self.host, self.port = host, port
        self._socket: socket.socket | None = None

    def acquire(self) -> None:
        """Idempotent. ControllerHeld with the program that holds it; OSError for a host without an address."""
        if self._socket is not None:
            return
        name = lock_name(self.host, self.port)
        holder = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            holder.bind(name)
            # Others learn by a connection which process it is.
            holder.listen(1)
        except OSError as error:
            holder.close()
            if error.errno != errno.EADDRINUSE:
                raise
            pid = holder_of(name)
            slug = camera_of_process(pid)
            by = f"the camera {slug} of Skycam (pid {pid})" if slug else describe_process(pid)
            remedy = "Remove one of the two cameras" if slug else "End that program, or let it do the work"
            raise ControllerHeld(
                f"The controller {self.host}:{self.port} is held by {by}. {remedy}: two programs must not command one"
                " controller.", pid,
            ) from None  # fmt: skip
        except BaseException:
            holder.close()
            raise
        self._socket = holder

    def release(self) -> None:
        """Idempotent."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def lock_name(host: str, port: int) -> bytes:
    """The same for each name of a host."""
    addresses = sorted(str(address[0]) for _, address in resolve(host, port))
    return f"\0skycam-telescope-controller/{addresses[0]}/{port}".encode()


def holder_of(name: bytes) -> int:
    """The process that is bound to a name; 0 when it cannot be seen."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as visitor:
        # A holder whose queue is full would block this.
        visitor.setblocking(False)
        try:
            visitor.connect(name)
            credentials = visitor.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        except OSError:
            return 0
    return int(struct.unpack("3i", credentials)[0])


def describe_process(pid: int) -> str:
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            words = file.read(400).replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        words = ""
    return f"process {pid} ({words})" if words else f"process {pid}" if pid else "another program"
