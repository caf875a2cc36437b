"""The states that the controllers report, and the status, read from the controller's reply. The reply looks like a
dict of Python, and is none: in live replies the closing brace is missing, a comma is followed by a line feed even
inside of a text, and `cmd_arg_value_list` has quote marks inside of quote marks."""

from __future__ import annotations

import ast
import re
import time
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Literal, TypeAlias


class ControllerState(IntEnum):
    """The place of a state in `CameraStatus.state_val`. Its name is the key in a status reply."""

    NOSTATUS = 0
    UNKNOWN = 1
    IDLE = 2
    EXPOSING = 3
    READOUT_PENDING = 4
    READING = 5
    FETCHING = 6
    FLUSHING = 7
    ERASING = 8
    PURGING = 9
    AUTOCLEAR = 10
    AUTOFLUSH = 11
    POWERON = 12
    POWEROFF = 13
    POWERBAD = 14
    FETCH_PENDING = 15
    ERROR = 16
    ACTIVE = 17
    ERRORED = 18


NUM_STATES = len(ControllerState)
ALL_POSITIVE_VAL = 15
"""The value of a state that all of four controllers have."""
ALL_NEGATIVE_VAL = 0
"""The value of a state that no controller has."""

CameraState: TypeAlias = Literal[
    "initializing", "initialized", "starting", "started", "stopping", "stopped", "exposing", "done exposing"
]
"""`state` of a status reply: what the camera as a whole does."""


UNKNOWN = "UNKNOWN"
"""A text that the reply does not have."""
NOT_REPORTED = -1
"""A number that the reply does not have."""


@dataclass(slots=True)
class CameraStatus:
    """What a status reply said. `state_val` has one number for each of `ControllerState`: a bit for each controller,
    the first one highest, 0 when none has the state."""

    ready: bool | None = None
    """None: not reported, as with `error`."""
    error: bool | None = None
    error_code: int = NOT_REPORTED
    state: str = UNKNOWN
    comment: str = UNKNOWN
    date: str = UNKNOWN
    """UTC by the controller's clock, such as 2026-11-20T06:38:41.00."""
    read_time: float = 0.0
    """When it was read, in seconds since 1970; 0 before that."""
    state_val: list[int] = field(default_factory=lambda: [NOT_REPORTED] * NUM_STATES)
    cmd_error: bool | None = None
    """Of the last command that was not `status`, as the fields below."""
    cmd_error_msg: str = UNKNOWN
    cmd_command: str = UNKNOWN
    cmd_arg_value_list: str = UNKNOWN
    cmd_reply: str = UNKNOWN

    @classmethod
    def from_reply(cls, reply: str, read_time: float | None = None) -> CameraStatus:
        return parse_status(reply, read_time)

    def has(self, state: ControllerState) -> bool | None:
        """Whether any controller has this state; None when the reply did not say it."""
        value = self.state_val[state]
        return None if value == NOT_REPORTED else value != 0

    def copy_to(self, other: CameraStatus) -> None:
        """`other` says the same from now on."""
        for name in self.__slots__:
            value = getattr(self, name)
            setattr(other, name, list(value) if isinstance(value, list) else value)


_KEY = re.compile(r"['\"]([A-Za-z]\w*)['\"]\s*:\s*")
# The look-behinds keep the search linear in long runs of blanks and brackets.
_NEXT = re.compile(r"(?<!\s)\s*,\s*(?=['\"][A-Za-z]\w*['\"]\s*:)|(?<![\s}\]])[\s}\]]*\Z")
_BITS = re.compile(r"[01]{1,31}")
_INTEGER = re.compile(r"-?[0-9]{1,9}")


def parse_status(reply: str, read_time: float | None = None) -> CameraStatus:
    """The status that a reply describes. What is missing or wrong in it is UNKNOWN, -1 or None; no reply is an error.

    `read_time`: when it was read, in seconds since 1970; now by default.
    """
    values = _read_values(reply)
    status = CameraStatus(read_time=time.time() if read_time is None else read_time)
    status.ready, status.error = _truth(values.get("ready")), _truth(values.get("error"))
    status.cmd_error = _truth(values.get("cmd_error"))
    if _INTEGER.fullmatch(values.get("error_code", "")):
        status.error_code = int(values["error_code"])
    for name in ("state", "comment", "date", "cmd_error_msg", "cmd_command", "cmd_arg_value_list", "cmd_reply"):
        setattr(status, name, values.get(name, UNKNOWN))
    for state in ControllerState:
        if _BITS.fullmatch(bits := values.get(state.name, "")):
            status.state_val[state] = int(bits, 2)
    return status


def _read_values(reply: str) -> dict[str, str]:
    """Key -> value as text, without the quote marks around it. The first value of a key holds, as in the C code."""
    found: dict[str, str] = {}
    place = reply.find("{") + 1
    while (match := _KEY.search(reply, place)) is not None:
        end, place = _find_end(reply, match.end())
        found.setdefault(match[1], _unquote(reply[match.end() : end]))
    return found


def _find_end(reply: str, begin: int) -> tuple[int, int]:
    """The end of the value that begins there, and where the next key may be."""
    quote = reply[begin : begin + 1]
    if quote in ("'", '"'):
        place = begin + 1
        # The closing quote mark is the first one that a key or the end follows: a text may have commas and keys in it.
        while (place := reply.find(quote, place)) != -1:
            following = _NEXT.match(reply, place + 1)
            if following and not _is_escaped(reply, place):
                return place + 1, following.end()
            place += 1
        return len(reply), len(reply)
    following = _NEXT.search(reply, begin)
    return (following.start(), following.end()) if following else (len(reply), len(reply))


def _is_escaped(reply: str, place: int) -> bool:
    before = reply[:place]
    return (len(before) - len(before.rstrip("\\"))) % 2 == 1


def _unquote(value: str) -> str:
    value = value.strip()
    # The server has put a line feed behind each comma.
    flat = value.replace(",\n", ",")
    if len(flat) >= 2 and flat[0] in "'\"" and flat[-1] == flat[0]:
        try:
            found = ast.literal_eval(flat)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            return flat[1:-1]
        return found if isinstance(found, str) else flat[1:-1]
    return flat


def _truth(value: str | None) -> bool | None:
    return {"true": True, "false": False}.get((value or "").lower())
