"""HTTP authentication as the camera requests it: Basic (RFC 7617) or Digest (RFC 7616)."""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Self
from urllib.parse import SplitResult, unquote

WORD = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
ITEM = re.compile(rf'({WORD})(?: ?= ?(?:"((?:[^"\\]|\\.)*)"|([^\s",]*)))?')
"""A scheme, or a parameter with its value."""
NAME = re.compile(WORD)
ESCAPED = re.compile(r"\\(.)")
Hash = Callable[[bytes], Any]


class Algorithm(NamedTuple):
    name: str
    hash: Hash
    is_session: bool
    """The password is hashed with the nonces of the session."""


ALGORITHMS = {
    "sha-256-sess": Algorithm("SHA-256-sess", hashlib.sha256, is_session=True),
    "sha-256": Algorithm("SHA-256", hashlib.sha256, is_session=False),
    "md5-sess": Algorithm("MD5-sess", hashlib.md5, is_session=True),
    "md5": Algorithm("MD5", hashlib.md5, is_session=False),
}
"""The strongest first."""
QUALITIES = ("auth", "auth-int")
"""Of protection. A GET has no body, whose hash is that of an empty one."""


class UnsupportedSignIn(Exception):
    """The text lists what the camera offers, and has nothing of the credentials."""


@dataclass(frozen=True, slots=True)
class Challenge:
    scheme: str
    """In lower case."""
    fields: dict[str, str]

    @property
    def algorithm(self) -> Algorithm | None:
        """Of a Digest that can be answered."""
        if self.scheme != "digest" or not self.fields.get("nonce"):
            return None
        if "qop" in self.fields and self.quality is None:
            return None
        return ALGORITHMS.get(self.fields.get("algorithm", "MD5").lower())

    @property
    def quality(self) -> str | None:
        offered = [one.strip().lower() for one in self.fields.get("qop", "").split(",")]
        return next((one for one in QUALITIES if one in offered), None)

    def __str__(self) -> str:
        algorithm = self.fields.get("algorithm", "")
        # What a camera sends is shown to users: a name, and no other text.
        return f"{self.scheme.capitalize()} {algorithm}" if NAME.fullmatch(algorithm) else self.scheme.capitalize()


@dataclass(frozen=True, slots=True)
class HttpCredentials:
    name: str
    password: str = field(repr=False)

    @classmethod
    def of(cls, parts: SplitResult) -> Self | None:
        """None for an address without a name."""
        return None if parts.username is None else cls(unquote(parts.username), unquote(parts.password or ""))


class SignIn:
    """Answers the strongest of a camera's challenges, for any number of requests."""

    def __init__(self, credentials: HttpCredentials, headers: list[str]) -> None:
        """`headers` are all of `WWW-Authenticate`. UnsupportedSignIn when none can be answered."""
        self._credentials = credentials
        self._challenge = strongest_challenge(headers)
        self._count = 0

    def authorization(self, method: str, target: str) -> str:
        """The `Authorization` header of the next request."""
        algorithm = self._challenge.algorithm
        if algorithm is None:
            login = f"{self._credentials.name}:{self._credentials.password}"
            return "Basic " + base64.b64encode(login.encode()).decode()
        return self._digest(algorithm, method, target)

    def _digest(self, algorithm: Algorithm, method: str, target: str) -> str:
        def hashed(*parts: str) -> str:
            return str(algorithm.hash(":".join(parts).encode()).hexdigest())

        challenge, quality = self._challenge.fields, self._challenge.quality
        realm, nonce, own = challenge.get("realm", ""), challenge["nonce"], secrets.token_hex(8)
        self._count += 1
        count = f"{self._count:08x}"
        secret = hashed(self._credentials.name, realm, self._credentials.password)
        if algorithm.is_session:
            secret = hashed(secret, nonce, own)
        request = hashed(method, target, *([hashed("")] if quality == "auth-int" else []))
        fields = {"username": self._credentials.name, "realm": realm, "nonce": nonce, "uri": target}
        plain = {"algorithm": algorithm.name} if "algorithm" in challenge else {}
        if quality is not None:
            plain |= {"qop": quality, "nc": count}
            fields["response"] = hashed(secret, nonce, count, own, quality, request)
        else:
            fields["response"] = hashed(secret, nonce, request)
        if quality is not None or algorithm.is_session:
            fields["cnonce"] = own
        if "opaque" in challenge:
            fields["opaque"] = challenge["opaque"]
        # RFC 7616 forbids quotation marks around nc, qop and algorithm.
        quoted = [f'{name}="{escaped(value)}"' for name, value in fields.items()]
        return "Digest " + ", ".join([*quoted, *(f"{name}={value}" for name, value in plain.items())])


def strongest_challenge(headers: list[str]) -> Challenge:
    """UnsupportedSignIn when none of them can be answered."""
    offered = [challenge for header in headers for challenge in parse_challenges(header)]
    strength = [one.name for one in ALGORITHMS.values()]
    digests = [(strength.index(one.algorithm.name), one) for one in offered if one.algorithm is not None]
    if digests:
        return min(digests, key=lambda found: found[0])[1]
    # Basic would send the password in clear text, to a camera that can do without it.
    if not any(one.scheme == "digest" for one in offered):
        for one in offered:
            if one.scheme == "basic":
                return one
    raise UnsupportedSignIn(", ".join(map(str, offered))[:200])


def parse_challenges(header: str) -> Iterator[Challenge]:
    """The challenges of one `WWW-Authenticate` line, which may hold several (RFC 9110, 11.6.1)."""
    # In one line: realm and nonce are sent back, and a line break in them would add headers to the request.
    text, found = as_sent(header), Challenge("", {})
    for item in ITEM.finditer(text):
        name, quoted, plain = item.groups()
        if plain is not None or quoted is not None:
            # The first one counts: those of an unknown scheme may follow without its name.
            found.fields.setdefault(name.lower(), plain if quoted is None else ESCAPED.sub(r"\1", quoted))
        elif item.start() == 0 or "," in text[max(0, item.start() - 2) : item.start()]:
            if found.scheme:
                yield found
            found = Challenge(name.lower(), {})
    if found.scheme:
        yield found


def as_sent(header: str) -> str:
    """The header in one line, decoded as UTF-8: Python decodes headers as Latin-1."""
    try:
        header = header.encode("latin-1").decode()
    except UnicodeError:
        return " ".join(header.split())
    return " ".join(header.split())


def escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"')
