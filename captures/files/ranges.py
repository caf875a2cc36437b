"""Conditional and range requests for a file (RFC 9110, sections 13 and 14). A request for several ranges is answered
with the whole file, as the RFC allows."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from django.utils.http import http_date, parse_http_date_safe

# ASCII: `\d` would also match digits of other scripts, which int() accepts.
ONE_RANGE = re.compile(r"\s*bytes\s*=\s*(\d*)\s*-\s*(\d*)\s*\Z", re.ASCII | re.IGNORECASE)
MAX_DIGITS = 19
MAX_RANGE_CHARS = 100
"""Longer Range headers are ignored: matching blanks takes quadratic time."""


@dataclass(frozen=True, slots=True)
class Span:
    """First and last byte, both inclusive; `last` is -1 for an empty file."""

    first: int
    last: int

    @property
    def length(self) -> int:
        return self.last + 1 - self.first


class Unsatisfiable(Exception):
    """The range begins after the end of the file."""

    def __init__(self, size: int) -> None:
        super().__init__(f"The file has {size} bytes; the requested range begins after its end.")
        self.size = size


def not_modified(headers: Mapping[str, str], etag: str, modified: float) -> bool:
    """Whether the caller has this version of the file already. If-None-Match overrides If-Modified-Since."""
    if known := headers.get("If-None-Match"):
        return known.strip() == "*" or etag in {tag.strip().removeprefix("W/") for tag in known.split(",")}
    since = parse_http_date_safe(headers.get("If-Modified-Since", ""))
    return since is not None and int(modified) <= since


def requested_span(headers: Mapping[str, str], size: int, etag: str, modified: float) -> Span | None:
    """The requested range; None for the whole file, also for a malformed range or when If-Range names another version.

    Unsatisfiable when the range begins after the end.
    """
    text = headers.get("Range", "")
    match = ONE_RANGE.match(text) if len(text) <= MAX_RANGE_CHARS else None
    if match is None or not _matches_if_range(headers, etag, modified) or max(map(len, match.groups())) > MAX_DIGITS:
        return None
    first, last = match.groups()
    if not first:
        return _suffix(last, size)
    if last and int(last) < int(first):
        return None
    if int(first) >= size:
        raise Unsatisfiable(size)
    return Span(int(first), min(int(last), size - 1) if last else size - 1)


def _suffix(length: str, size: int) -> Span | None:
    """The last bytes: `-500`."""
    if not length:
        return None
    if int(length) == 0 or size == 0:
        raise Unsatisfiable(size)
    return Span(max(0, size - int(length)), size - 1)


def _matches_if_range(headers: Mapping[str, str], etag: str, modified: float) -> bool:
    wanted = headers.get("If-Range", "").strip()
    return wanted in {"", etag, http_date(modified)}
