"""`CounterFiles`: the totals of counters in two files, which are overwritten in turn.

A write that a kill or a power cut breaks off leaves the other file whole. The files are allocated once, so that a full
disk stops no write. A line of each: its checksum and JSON; spaces fill the rest.
"""

from __future__ import annotations

import json
import logging
import zlib
from collections.abc import Mapping

from cameras.spool.durable import Files
from cameras.supervision.process_counters import Count

log = logging.getLogger(__name__)
BLOCK_BYTES = 16 * 1024
"""The size of a file is a multiple of this: it rarely has to be allocated again."""


class CounterFiles:
    """Used by one thread. OSError of the disk."""

    def __init__(self, files: Files, name: str) -> None:
        self._files, self._names = files, (f"{name}.0", f"{name}.1")
        self._number = 0
        """That of the newest write."""

    def read(self) -> dict[Count, int]:
        """The newest totals; none before the first write."""
        found = [content for name in self._names if (content := self._read(name)) is not None]
        self._number, totals = max(found, key=lambda one: one[0], default=(0, {}))
        return totals

    def write(self, totals: Mapping[Count, int]) -> None:
        """Store the totals durably, after `read`."""
        number = self._number + 1
        # The file that has the older ones: a write that failed is made again over the same file.
        name = self._names[number % 2]
        content = encode(number, totals)
        size = self._files.size("", name) or 0
        if size < len(content):
            size = -(-len(content) // BLOCK_BYTES) * BLOCK_BYTES
            self._files.unlink("", name)
            self._files.preallocate("", name, size)
            self._files.sync("")
        self._files.overwrite("", name, content.ljust(size))
        self._number = number

    def _read(self, name: str) -> tuple[int, dict[Count, int]] | None:
        """None for a file that does not exist or is not whole."""
        try:
            return decode(self._files.read("", name))
        except FileNotFoundError:
            return None
        except (ValueError, TypeError):
            log.warning("The file of counters %s is not whole and is left out.", name)
            return None


def encode(number: int, totals: Mapping[Count, int]) -> bytes:
    text = json.dumps([number, [[*count, total] for count, total in sorted(totals.items())]]).encode()
    return b"%08x %s\n" % (zlib.crc32(text), text)


def decode(content: bytes) -> tuple[int, dict[Count, int]]:
    """The number of the write, and its totals. ValueError or TypeError if the content is not whole."""
    checksum, _, text = content.partition(b"\n")[0].partition(b" ")
    if int(checksum, 16) != zlib.crc32(text):
        raise ValueError("The checksum is wrong.")
    number, totals = json.loads(text)
    return int(number), {Count(name, camera, label): int(total) for name, camera, label, total in totals}
