"""The text of replies, as the real controller writes it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from scheduler.telescope.driver.commands import ARGUMENTS
from scheduler.telescope.driver.states import ControllerState
from scheduler.telescope.simulator.command_lines import Command

DONE, ERROR = "DONE", "ERROR"
LONGEST_TEXTS = (200, 100, 50, 25, 0)
"""To how many characters texts are cut, until the reply fits."""
WRONG_DATE = "1970-01-01T00:00:00.00"


@dataclass(frozen=True, slots=True)
class LastCommand:
    """The last command that was neither `status` nor `help`, as a status reply has it."""

    command: str = ""
    arguments: str = ""
    reply: str = ""
    was_refused: bool = False
    message: str = "None"
    """Why it was refused."""

    @classmethod
    def of(cls, command: Command) -> LastCommand:
        return cls(command.name, str(list(command.arguments)))


@dataclass(frozen=True, slots=True)
class StatusReply:
    """`text` has the values in the order and form of the real controller, in which the closing brace is missing and
    quote marks are not escaped."""

    is_ready: bool
    state: str
    has_failed: bool
    comment: str
    date: str
    states: Collection[ControllerState]
    controllers: int
    last: LastCommand

    def text(self) -> str:
        values = {
            "ready": self.is_ready, "state": self.state, "error": self.has_failed, "comment": self.comment,
            "date": self.date,
        } | {one.name: str(int(one in self.states)) * self.controllers for one in ControllerState}  # fmt: skip
        lines = f"{DONE} {values}".replace(",", ",\n").replace("}", "")
        last = self.last
        return (
            f"{lines}, 'cmd_error':{last.was_refused}, 'cmd_error_msg':'{last.message}', 'cmd_command':'{last.command}'"
            f", 'cmd_arg_value_list':'{last.arguments}', 'cmd_reply':'{last.reply}'"
        )

    def fitted(self, most: int) -> str:
        """The text in at most `most` characters: what a client sent and what an error says is cut, never a state."""
        text = self.text()
        for longest in LONGEST_TEXTS:
            if len(text) <= most:
                break
            text = self._cut(longest).text()
        return text

    def _cut(self, longest: int) -> StatusReply:
        last = self.last
        cut = replace(
            last, command=last.command[:longest], arguments=last.arguments[:longest], reply=last.reply[:longest],
            message=last.message[:longest],
        )  # fmt: skip
        return replace(self, comment=self.comment[:longest], last=cut)


def format_date(wall_ns: int) -> str:
    """To the second; the real controller always writes zeros after it."""
    return f"{datetime.fromtimestamp(wall_ns // 10**9, UTC):%Y-%m-%dT%H:%M:%S}.00"


def error_text(message: str) -> str:
    return f"{ERROR} {message}".strip()


def help_text() -> str:
    lines = [" ".join([name, *arguments]) for name, arguments in ARGUMENTS.items()]
    return "\n".join([DONE, *lines])
