"""A file that a passphrase encrypts: one line that says how, then chunks of AES-256-GCM.

Each chunk has its number and whether it is the last in what GCM authenticates, so that a chunk that is changed, moved,
missing or left out at the end is found (the STREAM construction of Hoang, Reyhanitabar, Rogaway and Vizár 2015).
Django-free.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
from collections.abc import Iterator
from io import RawIOBase
from typing import IO, Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

FORMAT = 1
MAGIC = "skycam-backup"
CHUNK_BYTES = 1 << 20
TAG_BYTES = 16
HEADER_BYTES = 8192
SCRYPT = {"n": 1 << 16, "r": 8, "p": 1}
"""64 MB for each guess."""
SHORTEST = 12
"""Characters of a passphrase."""


class DecryptionError(Exception):
    """The file is no whole backup, or the passphrase is wrong. The message says which."""


def _keys(passphrase: str, salt: bytes) -> tuple[bytes, bytes]:
    """That of the chunks, and what proves the passphrase."""
    found = hashlib.scrypt(passphrase.encode(), salt=salt, dklen=64, maxmem=1 << 27, **SCRYPT)
    return found[:32], found[32:]


class EncryptedWriter(RawIOBase):
    """Writable; `close` writes the last chunk. `about` is readable without the passphrase."""

    def __init__(self, file: IO[bytes], passphrase: str, about: dict[str, Any]) -> None:
        salt = os.urandom(16)
        key, proof = _keys(passphrase, salt)
        encoded = {
            "salt": base64.b64encode(salt).decode(),
            "proof": hmac.new(proof, MAGIC.encode(), "sha256").hexdigest(),
        }
        self._header = json.dumps({"file": MAGIC, "format": FORMAT, **encoded, "about": about}).encode() + b"\n"
        if len(self._header) > HEADER_BYTES:
            raise ValueError("What is said about the backup is too long.")
        self._file, self._cipher, self._number = file, AESGCM(key), 0
        self._waiting = bytearray()
        file.write(self._header)

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._waiting += data
        # One chunk stays: whether it is the last is known at the end.
        while len(self._waiting) > CHUNK_BYTES:
            self._put(bytes(self._waiting[:CHUNK_BYTES]), is_last=False)
            del self._waiting[:CHUNK_BYTES]
        return len(data)

    def close(self) -> None:
        if not self.closed:
            self._put(bytes(self._waiting), is_last=True)
        super().close()

    def _put(self, chunk: bytes, *, is_last: bool) -> None:
        self._file.write(self._cipher.encrypt(_place(self._number, is_last), chunk, self._header))
        self._number += 1


def _place(number: int, is_last: bool) -> bytes:
    """The nonce of a chunk: each key is used for one file, so a counter does."""
    return number.to_bytes(11) + bytes([is_last])


def read_about(file: IO[bytes]) -> dict[str, Any]:
    """What stands in it without a passphrase. DecryptionError."""
    return dict(_read_header(file)[1]["about"])


def _read_header(file: IO[bytes]) -> tuple[bytes, dict[str, Any]]:
    line = file.readline(HEADER_BYTES)
    try:
        found = json.loads(line)
        if found["file"] != MAGIC or not isinstance(found["about"], dict) or not line.endswith(b"\n"):
            raise ValueError
        if found["format"] != FORMAT:
            raise DecryptionError("The backup was made by a newer version of Skycam. Restore it with that version.")
        base64.b64decode(found["salt"], validate=True), str(found["proof"])
    except (KeyError, TypeError, ValueError):
        raise DecryptionError("This is no backup of Skycam, or its beginning is damaged.") from None
    return line, found


class EncryptedReader(RawIOBase):
    """Readable, from the beginning to the end. A read raises DecryptionError where the file is not what was written."""

    def __init__(self, file: IO[bytes], passphrase: str) -> None:
        header, found = _read_header(file)
        key, proof = _keys(passphrase, base64.b64decode(found["salt"]))
        if not hmac.compare_digest(hmac.new(proof, MAGIC.encode(), "sha256").hexdigest(), str(found["proof"])):
            raise DecryptionError("The passphrase is not that of this backup.")
        self.about = dict(found["about"])
        self._chunks = _open_chunks(file, AESGCM(key), header)
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._rest:
            chunk = next(self._chunks, None)
            if chunk is None:
                return 0
            self._rest = chunk
        count = min(len(buffer), len(self._rest))
        buffer[:count], self._rest = self._rest[:count], self._rest[count:]
        return count


def _open_chunks(file: IO[bytes], cipher: AESGCM, header: bytes) -> Iterator[bytes]:
    number, encrypted = 0, file.read(CHUNK_BYTES + TAG_BYTES)
    while True:
        following = file.read(CHUNK_BYTES + TAG_BYTES)
        try:
            yield cipher.decrypt(_place(number, not following), encrypted, header)
        except (InvalidTag, ValueError):
            raise DecryptionError(
                "The backup is damaged, or a part of it is missing: it is not what was written. Use another one."
            ) from None
        if not following:
            return
        number, encrypted = number + 1, following
