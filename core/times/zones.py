"""The time zones of the database, and that of this machine. Django-free."""

from __future__ import annotations

import contextlib
import os
import zoneinfo
from collections.abc import Iterator
from functools import cache
from pathlib import Path

LOCALTIME = Path("/etc/localtime")
"""The machine's zone: a link into the zone database, or a copy of one of its files."""
TIMEZONE = Path("/etc/timezone")
"""Its name, on machines that write it."""
DATABASE = "zoneinfo"
"""The folder of the zone database, in the path of each of its files."""


@cache
def zone_names() -> frozenset[str]:
    """The names of all time zones. Read once for each process: it takes 20 ms."""
    return frozenset(zoneinfo.available_timezones())


@cache
def machine_zone_name() -> str:
    """The name of the zone of this machine's clock, by `/etc/localtime`; UTC if it has none.

    The variable TZ does not count: the processes of one station, and the shells of its users, may have different ones.
    """
    return next((name for name in _candidates() if name in zone_names()), "UTC")


def _candidates() -> Iterator[str]:
    try:
        parts = Path(os.path.realpath(LOCALTIME)).parts
        if DATABASE in parts:
            yield "/".join(parts[parts.index(DATABASE) + 1 :])
        content = LOCALTIME.read_bytes()
    except OSError:
        return
    with contextlib.suppress(OSError, UnicodeDecodeError):
        yield TIMEZONE.read_text(encoding="utf-8").strip()
    # Zones with the same content show the same times.
    yield from (name for name in sorted(zone_names()) if _content(name) == content)


def _content(name: str) -> bytes | None:
    for folder in zoneinfo.TZPATH:
        try:
            return Path(folder, name).read_bytes()
        except OSError:
            continue
    return None
