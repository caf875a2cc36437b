"""The command lines of the controller."""

from __future__ import annotations

import re
from typing import Literal, TypeAlias, get_args

from scheduler.telescope.driver.profiles import BUFFER_BYTES

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
