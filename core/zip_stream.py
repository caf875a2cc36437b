"""A ZIP file as a stream of bytes: no temporary file, and memory for one chunk and the list of entries.

Files are stored and not compressed: videos and pictures are. Each entry is ZIP64, since its size is written behind it.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime

FIRST_YEAR, LAST_YEAR = 1980, 2107
"""Of the dates that a ZIP file can hold."""


class _Sink(io.RawIOBase):
    """Collects what `zipfile` writes until it is sent. It cannot seek, so `zipfile` writes sizes behind the content."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        self._parts.append(bytes(data))  # type: ignore[call-overload]
        return len(self._parts[-1])

    def take_bytes(self) -> bytes:
        found, self._parts = b"".join(self._parts), []
        return found


class _ZipFile(zipfile.ZipFile):
    def __del__(self) -> None:
        """Nothing: a stream whose client has gone ends without a directory. `zipfile` would write one, and raise while
        an entry is open."""


class ZipStream:
    """Its methods return the bytes to send."""

    def __init__(self) -> None:
        self._sink = _Sink()
        self._zip = _ZipFile(self._sink, "w", zipfile.ZIP_STORED, allowZip64=True)

    def add_file(self, path: str, at: datetime, chunks: Iterator[bytes]) -> Iterator[bytes]:
        """An entry. An error of `chunks` is raised after what was sent; the entry is then not in the directory at the
        end of the file, so no program extracts a part of it."""
        info = _info(path, at)
        entry = self._zip.open(info, "w", force_zip64=True)
        try:
            for chunk in chunks:
                entry.write(chunk)
                yield self._sink.take_bytes()
        except BaseException:
            entry.close()
            self._forget(info)
            raise
        entry.close()
        yield self._sink.take_bytes()

    def _forget(self, info: zipfile.ZipInfo) -> None:
        self._zip.filelist.remove(info)
        del self._zip.NameToInfo[info.filename]

    def add_text(self, path: str, at: datetime, text: bytes) -> Iterator[bytes]:
        return self.add_file(path, at, iter([text]))

    def end(self) -> bytes:
        self._zip.close()
        return self._sink.take_bytes()


def _info(path: str, at: datetime) -> zipfile.ZipInfo:
    moment = at.astimezone(UTC)
    year = min(max(moment.year, FIRST_YEAR), LAST_YEAR)
    info = zipfile.ZipInfo(path, (year, moment.month, moment.day, moment.hour, moment.minute, moment.second))
    info.external_attr = 0o100644 << 16
    return info
