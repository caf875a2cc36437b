"""How many files the processes of a station may have open at once. Each connection is one of them."""

from __future__ import annotations

import re
import resource
from pathlib import Path

MOST_RESERVED = 256
"""For all that the web process opens besides its connections: each of its threads has the database open."""
FEWEST = 1024
"""With fewer, it is not able to serve as many connections as browsers of one laboratory open."""
UNLIMITED = 1_000_000
HARD_LIMIT = re.compile(r"^Max open files\s+\d+\s+(\d+|unlimited)", re.MULTILINE)
REMEDY = (
    "`ulimit -n 65536` in the shell that starts it, LimitNOFILE=65536 in its systemd unit, or --ulimit nofile=65536"
)


def connections_within(limit: int) -> int:
    """For how many connections this limit of open files has room. The reserve is a share of it, so that a small limit
    leaves some: at the limit itself asyncio accepts nothing for a second, and clients get no answer."""
    return limit - min(MOST_RESERVED, limit // 2)


def raise_limit() -> int:
    """Raise the soft limit of this process to the hard limit; returns the limit that holds then."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    except (OSError, ValueError):
        return soft
    return hard_limit()


def hard_limit() -> int:
    """Of this process, to which its children can raise theirs."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    # RLIM_INFINITY is -1, which min() would choose.
    return UNLIMITED if hard == resource.RLIM_INFINITY else hard


def hard_limit_of(process: int) -> int | None:
    """Of another process; None if it has ended. All users may read it."""
    try:
        found = HARD_LIMIT.search(Path(f"/proc/{process}/limits").read_text())
    except OSError:
        return None
    if found is None:
        return None
    return UNLIMITED if found[1] == "unlimited" else int(found[1])


def too_few_message(limit: int) -> str:
    """Empty for a limit that suffices."""
    if limit >= FEWEST:
        return ""
    return (
        f"Each process of the station may open at most {limit} files, so the web server takes only "
        f"{connections_within(limit)} connections at a time; {FEWEST} files are the fewest that a station needs."
    )
