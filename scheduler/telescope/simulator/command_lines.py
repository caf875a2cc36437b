"""How the controller reads a command line: words at blanks, and one argument of several words in quote marks."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from scheduler.telescope.driver.commands import ARGUMENTS

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
