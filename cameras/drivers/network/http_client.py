"""Sends GETs to one checked address, and follows no redirection. It signs in as the camera requests it: Basic (RFC
7617) or Digest (RFC 7616)."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import http.client
import io
import re
import secrets
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Self, cast
from urllib.parse import SplitResult, unquote, urlsplit

from core.outgoing import Endpoint, connect_endpoint
from core.outgoing_request import left_s

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


UNVERIFIED_CIPHERS = "DEFAULT:@SECLEVEL=0"
"""Old cameras have short keys, and without verification the connection is not secure anyway."""
HEADERS = "User-Agent: Skycam\r\nAccept: */*\r\nConnection: close\r\n"
UNAUTHORIZED = 401
NO_HTTP = 0
"""In place of a status: the camera answered with something other than HTTP."""
PIECE_BYTES = 65_536


class UnexpectedStatus(OSError):
    """The camera answered with a status other than 2xx."""

    def __init__(self, status: int) -> None:
        super().__init__(f"HTTP status {status}")
        self.status = status


class HttpClient:
    """Used by one thread at a time, except for `interrupt`. `address` is normalised, and `endpoint` its checked
    destination."""

    def __init__(self, address: str, endpoint: Endpoint, *, verified: bool) -> None:
        self._parts, self._endpoint, self._verified = urlsplit(address), endpoint, verified
        self._credentials = HttpCredentials.of(self._parts)
        self._sign_in: SignIn | None = None
        self._socket: socket.socket | None = None
        self._interrupted = False

    def get(self, within_s: float, silent_s: float) -> HttpAnswer:
        """The answer, once its head has arrived. OSError, UnexpectedStatus, UnsupportedSignIn, also after `within_s`
        seconds. Reading it raises TimeoutError `within_s` after this call as well, until `answer.unlimit` is called,
        and after `silent_s` seconds without a byte."""
        until = time.monotonic() + within_s
        answer = self._send_request(until, silent_s)
        if answer.status == UNAUTHORIZED and self._credentials is not None:
            answer.close()
            self._sign_in = SignIn(self._credentials, answer.challenges)
            answer = self._send_request(until, silent_s)
        if not 200 <= answer.status < 300:
            answer.close()
            raise UnexpectedStatus(answer.status)
        return answer

    def interrupt(self) -> None:
        """From any thread: end a running request or read, and refuse further ones."""
        self._interrupted = True
        if self._socket is not None:
            with contextlib.suppress(OSError):
                # Not close(): that does not wake a thread that waits in recv(), and its file descriptor could be reused
                # meanwhile.
                self._socket.shutdown(socket.SHUT_RDWR)

    def _send_request(self, until: float, silent_s: float) -> HttpAnswer:
        connection = self._connect(until)
        self._socket, requested = connection, time.monotonic()
        try:
            # After the assignment, so that `interrupt` finds either the connection or this check.
            if self._interrupted:
                raise ConnectionAbortedError
            connection.settimeout(left_s(until))
            connection.sendall(self._request())
            return HttpAnswer(connection, requested, until, silent_s)
        except http.client.HTTPException:
            connection.close()
            raise UnexpectedStatus(NO_HTTP) from None
        except BaseException:
            connection.close()
            raise

    def _connect(self, until: float) -> socket.socket:
        connection = connect_endpoint(self._endpoint, left_s(until))
        if self._parts.scheme != "https":
            return connection
        try:
            connection.settimeout(left_s(until))
            return tls_context(verified=self._verified).wrap_socket(connection, server_hostname=self._parts.hostname)
        except BaseException:
            connection.close()
            raise

    def _request(self) -> bytes:
        target = (self._parts.path or "/") + (f"?{self._parts.query}" if self._parts.query else "")
        host = self._parts.netloc.rpartition("@")[2]
        login = f"Authorization: {self._sign_in.authorization('GET', target)}\r\n" if self._sign_in else ""
        return f"GET {target} HTTP/1.1\r\nHost: {host}\r\n{HEADERS}{login}\r\n".encode()


class HttpAnswer:
    """The head of an answer, and its body as it arrives. HTTPException for an answer that is no HTTP."""

    def __init__(self, connection: socket.socket, requested: float, until: float, silent_s: float) -> None:
        """`requested`: when its request was sent, in seconds of the monotonic clock."""
        self.requested = requested
        self._socket, self._reader = connection, TimedReader(connection, until, silent_s)
        # Not HTTPConnection: it would resolve the name again, past the guard.
        self._response = http.client.HTTPResponse(cast(socket.socket, self._reader), method="GET")
        self._response.begin()
        self.status = self._response.status
        if self.content_type.startswith("multipart/"):
            # Such an answer has no end, whatever length its head states.
            self._response.length = None

    @property
    def content_type(self) -> str:
        """Such as `multipart/x-mixed-replace`; empty if the camera sends none."""
        return str(self._response.headers.get("Content-Type", "")).partition(";")[0].strip().lower()

    @property
    def has_length(self) -> bool:
        return self._response.length is not None

    @property
    def challenges(self) -> list[str]:
        return self._response.headers.get_all("WWW-Authenticate") or []

    def read(self, most: int = PIECE_BYTES) -> bytes:
        """At most `most` bytes, as soon as some arrive; empty at the end. OSError."""
        try:
            return self._response.read1(most)
        except (http.client.HTTPException, ValueError) as error:
            raise ConnectionResetError(type(error).__name__) from None

    def unlimit(self) -> None:
        """From now on only silence ends the reading."""
        self._reader.until = float("inf")

    def close(self) -> None:
        """Idempotent."""
        # Both: the response reads through a file object that keeps the connection open by itself.
        self._response.close()
        self._socket.close()


class TimedReader(io.RawIOBase):
    """What `http.client` uses of a socket, and the file that it reads from: TimeoutError after `until`, and after
    `silent_s` seconds without a byte."""

    def __init__(self, connection: socket.socket, until: float, silent_s: float) -> None:
        super().__init__()
        self._connection, self.until, self._silent_s = connection, until, silent_s

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(self)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._connection.settimeout(min(left_s(self.until), self._silent_s))
        return self._connection.recv_into(buffer)


def tls_context(*, verified: bool) -> ssl.SSLContext:
    settings = ssl.create_default_context()
    if not verified:
        settings.check_hostname = False
        settings.verify_mode = ssl.CERT_NONE
        settings.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        settings.set_ciphers(UNVERIFIED_CIPHERS)
    return settings
