"""What is answered to a request for a file: status and headers, and which bytes of it follow. The web part and the
file server of a host answer alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from django.utils.http import http_date

from captures.files.ranges import not_modified, requested_span

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
