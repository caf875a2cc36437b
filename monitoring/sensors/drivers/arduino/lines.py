"""Whole lines out of the bytes of a serial port. Django-free."""

from __future__ import annotations

import re

LINE_BYTES = 512
"""A longer line is dropped."""
ENDS = re.compile(rb"[\r\n]")


class LineBuffer:
    """However the bytes are split, the lines are the same. A line counts once its end has come: half of `-12.5` is
    another temperature. The line in which listening begins is dropped, because it may be half of one."""

    def __init__(self) -> None:
        self._rest = b""
        self._is_dropped = True

    def feed(self, content: bytes) -> list[bytes]:
        """The lines that end in `content`, without their ends; empty ones are left out."""
        lines = []
        *ended, rest = ENDS.split(content)
        for part in ended:
            line = self._rest + part
            if line and not self._is_dropped and len(line) <= LINE_BYTES:
                lines.append(line)
            self._rest, self._is_dropped = b"", False
        self._rest += rest
        if len(self._rest) > LINE_BYTES:
            self._rest, self._is_dropped = b"", True
        return lines
