"""Signed addresses: each opens one file of one host, for a short time.

Machines of a station sign with a key that they share. The time is that of the database, which they share too.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from typing import Any

from django.conf import settings
from django.core import signing

from captures.files.opened import FileRow
from core import database_clock

PREFIX = "/file/"
LIFETIME_S = 600
"""An answer that has begun is sent to its end. A film that is paused for longer is asked for at a new address."""
FILE, HEAD, POSTER = "file", "head", "thumbnail"


class AddressRefused(Exception):
    """The message says why the file server does not open the file."""


@dataclass(frozen=True, slots=True)
class FileAddress:
    """`what`: `file`, with the faststart header before it if `form` names one; `head`, that header alone; or
    `thumbnail`, of `size` pixels."""

    host: str
    root: str
    path: str
    bytes: int
    sha256: str
    what: str = FILE
    form: str = ""
    size: int = 0

    @classmethod
    def of(cls, row: FileRow, **more: Any) -> FileAddress:
        return cls(row.host, str(row.root_id), row.path, row.bytes, row.sha256, **more)

    def sign(self) -> str:
        """The path of the address. DatabaseError before the database's time is known."""
        expires = int(database_clock.estimate().timestamp()) + LIFETIME_S
        return PREFIX + _signer().sign_object(asdict(self) | {"expires": expires})


def check_address(path: str, host: str) -> FileAddress:
    """AddressRefused unless `path` was signed for this `host` and has not expired; DatabaseError as `sign`."""
    try:
        content: dict[str, Any] = _signer().unsign_object(path.removeprefix(PREFIX))
    except signing.BadSignature:
        raise AddressRefused("The address has no valid signature.") from None
    expires = content.pop("expires")
    if database_clock.estimate().timestamp() > expires:
        raise AddressRefused("The address has expired.")
    found = FileAddress(**content)
    if found.host != host:
        raise AddressRefused(f"The address is one of the host {found.host}, and this is {host}.")
    return found


def _signer() -> signing.Signer:
    # Derived: a signature tells nothing about the key that encrypts secrets.
    key = hashlib.sha256(b"skycam file server:" + settings.STATION.address_secret.encode()).hexdigest()
    return signing.Signer(key=key, salt="captures.files.host_files")
