"""What is answered to a request for a file: status and headers, and which bytes of it follow, by conditional and
range requests (RFC 9110, sections 13 and 14). The web part and the file server of a host answer alike. A request for
several ranges is answered with the whole file, as the RFC allows."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from django.utils.http import http_date, parse_http_date_safe

REVALIDATE = "private, no-cache"
"""A browser caches a picture and revalidates it before each use: the answer is 304 while the ETag matches."""
TYPES = {
    ".avi": "video/x-msvideo",
    ".fits": "application/fits",
    ".jpeg": "image/jpeg",
    ".jpg": "image/jpeg",
    ".mp4": "video/mp4",
    ".png": "image/png",
    ".tif": "image/tiff",
    ".tiff": "image/tiff",
}
"""All other files, including RAW, are OTHER_TYPE, which no browser executes."""
OTHER_TYPE = "application/octet-stream"
SERVED_TYPES = sorted({*TYPES.values(), OTHER_TYPE})


@dataclass(frozen=True, slots=True)
class FileFacts:
    """`path` names the type; `form` is the variant of the file that is sent, empty for the file itself; `modified` in
    seconds since 1970, None when it is unknown."""

    path: str
    size: int
    sha256: str
    modified: float | None
    form: str = ""

    @property
    def etag(self) -> str:
        return f'"{self.sha256}-{self.form}"' if self.form else f'"{self.sha256}"'

    def headers(self) -> dict[str, str]:
        found = {"ETag": self.etag, "Cache-Control": REVALIDATE, "Accept-Ranges": "bytes"}
        if self.modified is not None:
            found["Last-Modified"] = http_date(self.modified)
        return found

    @property
    def content_type(self) -> str:
        return TYPES.get(PurePosixPath(self.path).suffix.lower(), OTHER_TYPE)


@dataclass(frozen=True, slots=True)
class Answer:
    """The bytes from `first` to before `end` follow."""

    status: int
    headers: dict[str, str]
    first: int = 0
    end: int = 0


def answer(method: str, headers: Mapping[str, str], file: FileFacts) -> Answer:
    """For `GET` or `HEAD`. Unsatisfiable."""
    # Without a date of its own only the ETag decides: no date of a client is before the beginning of time.
    modified = 0.0 if file.modified is None else file.modified
    conditions = headers if file.modified is not None else _without_dates(headers)
    found = file.headers()
    if not_modified(conditions, file.etag, modified):
        return Answer(304, found)
    found["Content-Type"] = file.content_type
    if method == "HEAD":
        return Answer(200, found | {"Content-Length": str(file.size)})
    span = requested_span(conditions, file.size, file.etag, modified)
    if span is None:
        return Answer(200, found | {"Content-Length": str(file.size)}, 0, file.size)
    found |= {
        "Content-Range": f"bytes {span.first}-{span.last}/{file.size}", "Content-Length": str(span.length)
    }  # fmt: skip
    return Answer(206, found, span.first, span.last + 1)


def _without_dates(headers: Mapping[str, str]) -> Mapping[str, str]:
    return {name: headers[name] for name in ("Range", "If-Range", "If-None-Match") if name in headers}


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
