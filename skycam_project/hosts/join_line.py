"""The line that `skycam hosts invite` prints and `skycam join` reads: where the main machine is, and the secret of the
invitation. Django-free."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from core.text.names import NAME_PATTERN

PREFIX = "skycam1:"
SECRET_BYTES = 32
CHECKSUM_BYTES = 4
MAX_URLS = 4
LONGEST = 2000
"""Characters. A longer text is refused before it is decoded."""
INCOMPLETE = (
    "This is not a whole line of an invitation: it is cut short, or a character of it has changed. Copy all of it, "
    f"from {PREFIX} on, or write a new one on the main machine: `skycam hosts invite NAME`."
)


class LineRefused(ValueError):
    """The text says what to do. It never contains the line, which is a secret."""


@dataclass(frozen=True, slots=True)
class JoinLine:
    invitation: UUID
    name: str
    """The host name that the machine gets."""
    secret: bytes
    urls: tuple[str, ...]
    """Where the main machine's web may be reached; they are tried in this order."""


def encode_line(line: JoinLine) -> str:
    fields = {
        "i": line.invitation.hex, "n": line.name, "s": base64.b64encode(line.secret).decode(), "u": list(line.urls),
    }  # fmt: skip
    content = json.dumps(fields, separators=(",", ":")).encode()
    return PREFIX + base64.urlsafe_b64encode(content + checksum(content)).decode().rstrip("=")


def parse_line(text: str) -> JoinLine:
    """LineRefused for anything but a whole line."""
    # People copy it from a terminal or a message, which may break it into several.
    line = "".join(text.split()).removeprefix("skycamjoin")
    if not line.startswith(PREFIX):
        raise LineRefused(
            f"A line of an invitation begins with {PREFIX}. Write one on the main machine: `skycam hosts invite NAME`."
        )
    if len(line) > LONGEST:
        raise LineRefused(INCOMPLETE)
    try:
        return _from_fields(json.loads(_decode(line.removeprefix(PREFIX))))
    except (ValueError, KeyError, TypeError, RecursionError):
        raise LineRefused(INCOMPLETE) from None


def checksum(content: bytes) -> bytes:
    """Against mistakes of copying only: the exchange itself proves the secret."""
    return hashlib.sha256(content).digest()[:CHECKSUM_BYTES]


def _decode(text: str) -> bytes:
    whole = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    content, found = whole[:-CHECKSUM_BYTES], whole[-CHECKSUM_BYTES:]
    if checksum(content) != found:
        raise ValueError
    return content


def _from_fields(fields: dict[str, Any]) -> JoinLine:
    """ValueError, KeyError or TypeError for fields of another kind."""
    name, urls, secret = fields["n"], fields["u"], base64.b64decode(fields["s"], validate=True)
    if not re.fullmatch(NAME_PATTERN, name) or len(secret) != SECRET_BYTES or not 0 < len(urls) <= MAX_URLS:
        raise ValueError
    return JoinLine(UUID(hex=fields["i"]), name, secret, tuple(map(check_url, urls)))


def check_url(text: str) -> str:
    """The address of a web, without a path. ValueError."""
    parts = urlsplit(text)
    _ = parts.port  # urlsplit() checks the port only when it is read
    is_plain = not (parts.path.strip("/") or parts.query or parts.fragment or "@" in parts.netloc)
    if parts.scheme not in {"http", "https"} or not parts.hostname or not is_plain or not text.isprintable():
        raise ValueError(f"{text!r} is not the address of a web server. Write it as https://sky.example.org.")
    return f"{parts.scheme}://{parts.netloc}"
