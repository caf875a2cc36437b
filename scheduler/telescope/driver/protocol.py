"""The command lines of the controller, where its reply to one ends, and what the reply says; and the constants of the
scheduler's camera module, in the three versions that are in use. Some servers answer one line and close. Others
answer one line, or a status of many lines, and keep the connection open. A line of a status ends with a comma, except
the last. Constants are in the unit of their name: `_s` seconds. The names of the C constants stand beside them."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias, get_args

HOST = "pco-nuc"
COMMAND_DELAY_S = 0.1
"""COMMAND_DELAY_USEC: the pause after a command on the same port."""
COMMAND_TIMEOUT_S = 5.0
"""CAMERA_TIMEOUT_SEC, of a command that is answered at once."""
CLEAR_S = 20
"""CLEAR_TIME."""
TRANSFER_S = 10.0
"""TRANSFER_TIME_SEC: the longest time in which an image comes from the controller to its host."""
MARGIN_S = 5.0
"""What a command may take beyond what it is expected to take."""
POLL_S = 0.1
"""Between two looks at the status, or at the end of a readout."""
BAD_READOUT_S = 60.0
"""BAD_READOUT_TIME."""
BUFFER_BYTES = 1024
"""MAXBUFSIZE: neither a command nor a reply for the C client has more, its NUL included."""

ONE_AMPLIFIER_READOUT_S = 40.0

ProfileName = Literal["seed", "2025", "2026"]


@dataclass(frozen=True, slots=True)
class Profile:
    """One version of the scheduler."""

    command_port: int
    status_port: int
    has_status_channel: bool
    """Whether the controller answers `status` on a port of its own, also during an exposure."""
    readout_s: float
    """READOUT_TIME_SEC, by which the time-outs are computed."""
    overhead_s: float
    """EXPOSURE_OVERHEAD, by which a scheduler plans: what an exposure takes beyond its exposure time."""
    clears: int
    """NUM_CAMERA_CLEARS: how often a scheduler clears the camera when it should be cleared."""
    clear_s: int
    """The seconds that the command `clear` names."""
    has_observatory: bool
    """Whether the header words include `observat`, as the third."""

    def with_one_amplifier(self) -> Profile:
        """Of each CCD only one amplifier is read: that takes ONE_AMPLIFIER_READOUT_S. The seed's values stay."""
        if self.readout_s == ONE_AMPLIFIER_READOUT_S:
            return self
        longer_s = ONE_AMPLIFIER_READOUT_S - self.readout_s
        return replace(
            self, readout_s=ONE_AMPLIFIER_READOUT_S, overhead_s=self.overhead_s + longer_s,
            clear_s=self.clear_s + round(longer_s),
        )  # fmt: skip


PROFILES: dict[ProfileName, Profile] = {
    "seed": Profile(
        command_port=5000, status_port=5001, has_status_channel=False, readout_s=40.0, overhead_s=40.0 + 5.0,
        clears=0, clear_s=CLEAR_S, has_observatory=False,
    ),
    "2025": Profile(
        command_port=6000, status_port=6001, has_status_channel=True, readout_s=20.0, overhead_s=20.0 + TRANSFER_S,
        clears=1, clear_s=25, has_observatory=False,
    ),
    "2026": Profile(
        command_port=6000, status_port=6001, has_status_channel=True, readout_s=20.0, overhead_s=20.0 + TRANSFER_S,
        clears=1, clear_s=25, has_observatory=True,
    ),
}  # fmt: skip


ExposureMode: TypeAlias = Literal["single", "first", "next", "last"]
"""What the controller does: `single` exposes, reads and fetches; `first` exposes and reads; `next` exposes and reads,
and fetches the exposure before; `last` fetches the exposure before and takes none."""
MODES: tuple[ExposureMode, ...] = get_args(ExposureMode)
OPEN = "open_shutter"
CLOSE = "close_shutter"
STATUS = "status"
CLEAR = "clear"
HEADER = "header"
EXPOSE = "expose"
SHUTDOWN = "shutdown"
REBOOT = "reboot"
RESTART = "restart"

ARGUMENTS: dict[str, tuple[str, ...]] = {
    STATUS: (),
    OPEN: (),
    CLOSE: (),
    "erase": (),
    "vsub_on": (),
    "vsub_off": (),
    "power_on": (),
    "power_off": (),
    "autoclear_on": (),
    "autoclear_off": (),
    "autoflush_on": (),
    "autoflush_off": (),
    "help": (),
    SHUTDOWN: (),
    RESTART: (),
    REBOOT: (),
    EXPOSE: ("shutter", "exptime", "fileroot", "exp_mode"),
    CLEAR: ("clear_time",),
    HEADER: ("key_word", "value"),
    "purge": ("fast",),
    "flush": ("fast", "flushcount"),
    "clean": ("erase", "n_cycles", "flushcount", "fast"),
}
"""Each command of the controller -> its arguments."""

FILE_ROOT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def expose_command(shutter: bool, exposure_s: float, file_root: str, mode: ExposureMode) -> str:
    """ValueError for a value that the command line cannot have."""
    if not 0 <= exposure_s < 100_000:
        raise ValueError(f"An exposure of {exposure_s} s is not possible; allowed are 0 to 99999.999 s.")
    if not FILE_ROOT.fullmatch(file_root):
        raise ValueError(f"{file_root!r} is no root of a file name: letters, digits, dots, - and _, at most 64.")
    if mode not in MODES:
        raise ValueError(f"{mode!r} is no mode of an exposure; the modes are {', '.join(MODES)}.")
    return f"{EXPOSE} {shutter} {exposure_s:9.3f} {file_root} {mode}"


def fetch_command(file_root: str) -> str:
    """Fetch the oldest image in memory, and take none."""
    return expose_command(False, 0.0, file_root, "last")


def clear_command(seconds: int) -> str:
    return f"{CLEAR} {seconds}"


def header_command(keyword: str, value: str) -> str:
    """The controller splits a command on blanks: a value of several words needs quote marks that are words themselves.

    A value that is quoted like this already stays as it is.
    """
    words = value.split()
    quoted = len(words) >= 2 and words[0] == words[-1] == "'"
    argument = " ".join(words) if len(words) <= 1 or quoted else f"' {value} '"
    return f"{HEADER} {keyword} {argument}"


def quote_text(text: str, most: int) -> str:
    """A free text as the value of a header word, of at most `most` characters: printable ASCII, in quote marks if it
    has several words. Empty for a text without words."""
    printable = "".join(character if " " <= character <= "~" else "?" for character in " ".join(text.split()))
    # A quote mark that is a word would end the value.
    words = ["`" if word == "'" else word for word in printable[: most - len("'  '")].split()]
    return f"' {' '.join(words)} '" if len(words) > 1 else "".join(words)


def check_command(command: str) -> bytes:
    """The bytes of a command. ValueError for one that the controller would not read as one command."""
    if not command.isascii() or not command.isprintable() or not command.strip():
        raise ValueError(f"The command {command!r} has characters that are not printable ASCII, or none at all.")
    content = command.encode("ascii")
    if len(content) >= BUFFER_BYTES:
        raise ValueError(f"A command has at most {BUFFER_BYTES - 1} bytes; this one has {len(content)}.")
    return content


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
