"""Checks answers to a Digest challenge as RFC 7616 requires."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass

FIELDS = re.compile(r'(\w+)=(?:"((?:[^"\\]|\\.)*)"|([^\s,]+))')
HASHES: dict[str, Callable[[bytes], hashlib._Hash]] = {"MD5": hashlib.md5, "SHA-256": hashlib.sha256}


@dataclass(frozen=True)
class Login:
    """`written` is `user:password`."""

    written: str
    realm: str
    nonce: str
    algorithm: str = "MD5"

    def is_answered_by(self, given: str, method: str, uri: str) -> bool:
        """Whether the header `Authorization` is the answer of this user for this request."""
        fields = {name: quoted or plain for name, quoted, plain in FIELDS.findall(given)}
        if not given.startswith("Digest ") or fields["uri"] != uri:
            return False
        if fields.get("algorithm", "MD5") != self.algorithm or fields["nonce"] != self.nonce:
            return False
        user, _, password = self.written.partition(":")
        secret = self._hashed(user, self.realm, password)
        if self.algorithm.endswith("-sess"):
            secret = self._hashed(secret, self.nonce, fields["cnonce"])
        request = self._hashed(method, uri, *([self._hashed("")] if fields.get("qop") == "auth-int" else []))
        middle = [fields[name] for name in ("nc", "cnonce", "qop") if "qop" in fields]
        return fields["response"] == self._hashed(secret, self.nonce, *middle, request)

    def _hashed(self, *parts: str) -> str:
        return HASHES[self.algorithm.removesuffix("-sess")](":".join(parts).encode()).hexdigest()
