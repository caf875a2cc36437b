"""How the controller reads a command line, with words at blanks and one argument of several words in quote marks, and
the text of its replies, as the real controller writes it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from scheduler.telescope.driver.protocol import ARGUMENTS
from scheduler.telescope.driver.status import ControllerState

QUOTE = "'"
LAST_IS_TEXT = "header"
"""The command whose last argument may be a text of several words, for a controller that is lenient."""


@dataclass(frozen=True, slots=True)
class Command:
    name: str
    arguments: tuple[str, ...] = ()


class CommandRefused(Exception):
    """A command line that the controller does not execute. The text is that of its reply, after `ERROR`."""

    def __init__(self, command: Command, message: str) -> None:
        super().__init__(message)
        self.command = command


def decode_command(received: bytes) -> str:
    """The text without white space around it. What is not printable ASCII becomes a question mark: a reply repeats the
    command, and a NUL in a reply is its end for a program in C."""
    text = received.decode("ascii", errors="replace")
    return "".join(sign if sign.isspace() or " " <= sign <= "~" else "?" for sign in text).strip()


def parse_command(text: str, accepted: Collection[str], *, is_strict: bool) -> Command:
    """CommandRefused for a command that is not one of `accepted`, or has other arguments. `text` is not empty."""
    name, *words = text.split()
    if name not in accepted:
        # The real controller says no more than ERROR.
        raise CommandRefused(Command(name, tuple(words)), "")
    expected = list(ARGUMENTS[name])
    arguments = join_quoted(words)
    if arguments is None:
        message = f"argument has unterminated string: command [{name}], args[{words}], expected [{expected}]"
        raise CommandRefused(Command(name, tuple(words)), message)
    if not is_strict and name == LAST_IS_TEXT and len(arguments) > len(expected):
        arguments = [arguments[0], " ".join(arguments[1:]).strip(f" {QUOTE}")]
    if len(arguments) != len(expected):
        message = f"incorrect args: command [{name}], args[{arguments}], expected [{expected}]"
        raise CommandRefused(Command(name, tuple(arguments)), message)
    return Command(name, tuple(arguments))


def join_quoted(words: list[str]) -> list[str] | None:
    """The words between the first two that are a quote mark become one, and the marks go. None if the second mark is
    missing."""
    if QUOTE not in words:
        return words
    begin = words.index(QUOTE)
    if QUOTE not in words[begin + 1 :]:
        return None
    end = words.index(QUOTE, begin + 1)
    return [*words[:begin], " ".join(words[begin + 1 : end]), *words[end + 1 :]]


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
