"""Commands of both ports to the controllers, and their replies. No sockets here."""

from __future__ import annotations

from dataclasses import replace

from scheduler.telescope.driver.clock import SocketClock
from scheduler.telescope.driver.profiles import BUFFER_BYTES
from scheduler.telescope.driver.protocol import ARGUMENTS, STATUS
from scheduler.telescope.simulator.controller import SimulatedController
from scheduler.telescope.simulator.faults import PortName
from scheduler.telescope.simulator.options import SimulatorOptions
from scheduler.telescope.simulator.procedures import CommandFailed
from scheduler.telescope.simulator.protocol import (
    DONE,
    WRONG_DATE,
    Command,
    CommandRefused,
    LastCommand,
    StatusReply,
    error_text,
    format_date,
    help_text,
    parse_command,
)

SIMULATED = "simulated"
"""Begins the comment of each status: a client tells by it that the images are simulated."""
ACCEPTED: dict[PortName, frozenset[str]] = {"command": frozenset(ARGUMENTS), "status": frozenset({STATUS})}
MOST_CHARACTERS = BUFFER_BYTES - 2
"""Of a reply for a program in C, whose buffer also holds the newline and a NUL."""


class CommandDispatcher:
    """One command at a time: `dispatch`, and if it has no reply yet, `finish` when the controllers are done."""

    def __init__(self, options: SimulatorOptions, clock: SocketClock, controller: SimulatedController) -> None:
        self._options, self._clock, self._controller = options, clock, controller
        self._last = LastCommand()

    def dispatch(self, port: PortName, text: str) -> str | None:
        """The reply; None if the controllers have begun to execute the command."""
        try:
            command = parse_command(text, ACCEPTED[port], is_strict=self._options.is_strict)
        except CommandRefused as error:
            return self._refuse(port, error)
        match command.name:
            case "status":
                return self.status_text()
            case "help":
                return help_text()
        self._last = LastCommand.of(command)
        return self._begin(command)

    def finish(self) -> str:
        """The reply to the command that the controllers have executed."""
        return self._record(error_text(self._controller.error) if self._controller.error else DONE)

    def status_text(self, *, is_dated_wrong: bool = False) -> str:
        controller = self._controller
        reply = StatusReply(
            controller.is_ready, controller.state, controller.has_failed, f"{SIMULATED}: {controller.comment}",
            WRONG_DATE if is_dated_wrong else format_date(self._clock.wall_ns()),
            controller.states(), self._options.controllers, self._last,
        )  # fmt: skip
        return reply.fitted(MOST_CHARACTERS) if self._options.is_closing else reply.text()

    def reply_bytes(self, text: str) -> bytes:
        """The reply as it is sent."""
        sent = text[:MOST_CHARACTERS] if self._options.is_closing else text
        return f"{sent.strip()}\n".encode("ascii", errors="replace")

    def _begin(self, command: Command) -> str | None:
        try:
            self._controller.begin(command)
        except CommandFailed as error:
            return self._record(error_text(str(error)))
        return None if self._controller.is_busy else self._record(DONE)

    def _refuse(self, port: PortName, error: CommandRefused) -> str:
        reply = error_text(str(error))
        if port == "command":
            self._last = replace(LastCommand.of(error.command), reply=reply, was_refused=True, message=str(error))
        return reply

    def _record(self, reply: str) -> str:
        self._last = replace(self._last, reply=reply)
        return reply
