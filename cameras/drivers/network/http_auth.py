"""HTTP authentication as the camera requests it: Basic (RFC 7617) or Digest (RFC 7616)."""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import SplitResult, unquote

PARAMETER = re.compile(r'(\w+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s",]+))')
ESCAPED = re.compile(r"\\(.)")
HASHES = {"MD5": hashlib.md5, "SHA-256": hashlib.sha256}


@dataclass(frozen=True, slots=True)
class HttpCredentials:
    name: str
    password: str = field(repr=False)

    @classmethod
    def of(cls, parts: SplitResult) -> Self | None:
        """None for an address without a name."""
        return None if parts.username is None else cls(unquote(parts.username), unquote(parts.password or ""))

    def authorization(self, challenges: list[str], method: str, target: str) -> str:
        """The `Authorization` header for the best of `challenges`; empty if none is supported."""
        # Digest first: Basic would send the password in clear text.
        digests = [found for found in map(parse_digest, challenges) if found is not None]
        if digests:
            return self._digest(digests[-1], method, target)
        if any(challenge.strip().lower().startswith("basic") for challenge in challenges):
            return "Basic " + base64.b64encode(f"{self.name}:{self.password}".encode()).decode()
        return ""

    def _digest(self, challenge: dict[str, str], method: str, target: str) -> str:
        algorithm = challenge.get("algorithm", "MD5").upper()
        realm, nonce = challenge.get("realm", ""), challenge.get("nonce", "")
        secret = hashed(algorithm, f"{self.name}:{realm}:{self.password}")
        wanted = hashed(algorithm, f"{method}:{target}")
        fields = {"username": self.name, "realm": realm, "nonce": nonce, "uri": target}
        plain = {"algorithm": algorithm} if "algorithm" in challenge else {}
        if "auth" in [quality.strip() for quality in challenge.get("qop", "").split(",")]:
            # Each connection makes one request per nonce, so its count is always 1.
            count, own = "00000001", secrets.token_hex(8)
            plain |= {"qop": "auth", "nc": count}
            fields |= {"cnonce": own, "response": hashed(algorithm, f"{secret}:{nonce}:{count}:{own}:auth:{wanted}")}
        else:
            fields["response"] = hashed(algorithm, f"{secret}:{nonce}:{wanted}")
        if "opaque" in challenge:
            fields["opaque"] = challenge["opaque"]
        # RFC 7616 forbids quotation marks around nc, qop and algorithm.
        quoted = [f'{name}="{escaped(value)}"' for name, value in fields.items()]
        return "Digest " + ", ".join([*quoted, *(f"{name}={value}" for name, value in plain.items())])


def parse_digest(challenge: str) -> dict[str, str] | None:
    """The fields of a Digest challenge; None for other schemes and unsupported hashes."""
    scheme, _, rest = challenge.strip().partition(" ")
    if scheme.lower() != "digest":
        return None
    # In one line: realm and nonce are sent back, and a line break in them would add headers to the request.
    found = PARAMETER.findall(as_sent(rest))
    fields = {name.lower(): ESCAPED.sub(r"\1", quoted) or plain for name, quoted, plain in found}
    return fields if fields.get("algorithm", "MD5").upper() in HASHES else None


def as_sent(header: str) -> str:
    """The header in one line, decoded as UTF-8: Python decodes headers as Latin-1."""
    try:
        header = header.encode("latin-1").decode()
    except UnicodeError:
        return " ".join(header.split())
    return " ".join(header.split())


def hashed(algorithm: str, text: str) -> str:
    return HASHES[algorithm](text.encode()).hexdigest()


def escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"')
