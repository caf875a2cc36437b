"""Where the reply of a controller ends, and what it says.

Some servers answer one line and close. Others answer one line, or a status of many lines, and keep the connection open.
A line of a status ends with a comma, except the last.
"""

from __future__ import annotations

import math
import re

DONE = "DONE"
ERROR = "ERROR"
LONGEST_BYTES = 65_536
"""The most that is read of a reply. A status has about 800 bytes."""
_BLANKS = b" \t\r\n\0"
_ENDS = b"\n\0"
"""A server in C may end a reply with a NUL."""

_FIRST_WORD = re.compile(r"[\s\[]*([^\s{}\[\]]*)")


class CommandError(Exception):
    """The controller answered, and not with DONE. `reply` is its whole answer."""

    def __init__(self, message: str, reply: str = "") -> None:
        super().__init__(message)
        self.reply = reply


class ReplyReader:
    """Collects one reply from pieces of any size, until it is complete."""

    def __init__(self) -> None:
        self._content = bytearray()
        self._first = self._last = b""
        """The first and the last byte that are no blanks."""

    def feed(self, piece: bytes) -> bool:
        """Whether the reply is complete: its last line has ended. ConnectionError when it is too long."""
        # Byte by byte: several lines may come as one piece, and the reply may have ended in the middle of it.
        for byte in (piece[place : place + 1] for place in range(len(piece))):
            if byte in _ENDS and self._is_whole:
                return True
            if byte not in _BLANKS:
                self._first, self._last = self._first or byte, byte
            self._content += byte
        if len(self._content) > LONGEST_BYTES:
            raise ConnectionError(f"The controller's reply has more than {LONGEST_BYTES} bytes.")
        return False

    @property
    def _is_whole(self) -> bool:
        if self._first == b"[":
            return self._last == b"]"
        return self._last not in (b"", b",", b"{")

    def at_end(self) -> str:
        """The reply of a server that has closed the connection. ConnectionError when it has sent none."""
        if not self.text:
            raise ConnectionError("The controller closed the connection without a reply.")
        return self.text

    def at_deadline(self) -> str | None:
        """The reply of a server that neither ended its line nor closed; None for the first part of one."""
        word = first_word(self.text)
        is_whole = "{" not in self.text or self.text.endswith(("}", "]"))
        return self.text if word in (DONE, ERROR) and is_whole else None

    @property
    def text(self) -> str:
        """What has arrived, without blanks around it. Bytes that are not ASCII become U+FFFD."""
        return self._content.decode("ascii", errors="replace").strip(_BLANKS.decode())


def first_word(reply: str) -> str:
    """`DONE`, `ERROR`, or what stands in their place. An older form of the status has a bracket before it."""
    match = _FIRST_WORD.match(reply)
    return match[1] if match else ""


def check_reply(command: str, reply: str) -> str:
    """The reply, if its first word is DONE; else CommandError. Only the first word decides: each status has the keys
    ERROR and ERRORED."""
    if first_word(reply) == DONE:
        return reply
    shown = reply if len(reply) <= 200 else f"{reply[:200]}..."
    raise CommandError(f"The controller refused {command!r}: {shown!r}.", reply)


def number_in(reply: str) -> float | None:
    """The number after DONE, in the unit of the command; None where there is none."""
    words = reply.split()
    try:
        number = float(words[1])
    except (IndexError, ValueError):
        return None
    return number if math.isfinite(number) and number >= 0 else None
