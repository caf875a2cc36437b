"""`WebhookClient`: one request to a receiver, with one deadline for all of it and the look-up of its name; and the
signature of a request. Django-free."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import math
import secrets
import socket
import ssl
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from queue import Empty, SimpleQueue
from typing import cast

from core.outgoing import AddressRefused, Endpoint, OutgoingGuard, connect_endpoint
from core.outgoing_request import DeadlineSocket, left_s
from core.text.names import readable
from monitoring.webhooks.receiver_url import ReceiverUrl, redact_url

MAX_LOOKUPS = 16
_slots = threading.BoundedSemaphore(MAX_LOOKUPS)


def resolve_within(guard: OutgoingGuard, host: str, port: int, until: float) -> Endpoint:
    """The allowed addresses of `host`. Raises AddressRefused, OSError for an unknown name, and TimeoutError after the
    time `until` of `time.monotonic()`, and while too many earlier look-ups hang."""
    # A look-up cannot be ended from outside. It keeps its slot until the resolver returns, so that hanging ones do not
    # become any number of threads.
    if not _slots.acquire(timeout=left_s(until)):
        raise TimeoutError
    found: SimpleQueue[Endpoint | Exception] = SimpleQueue()
    threading.Thread(target=_look_up, args=(guard, host, port, found), name="name-lookup", daemon=True).start()
    try:
        result = found.get(timeout=left_s(until))
    except Empty:
        raise TimeoutError from None
    if isinstance(result, Exception):
        raise result
    return result


def _look_up(guard: OutgoingGuard, host: str, port: int, found: SimpleQueue[Endpoint | Exception]) -> None:
    try:
        found.put(guard.resolve(host, port))
    # ValueError: AddressRefused, and names that cannot be encoded.
    except (OSError, ValueError) as error:
        found.put(error)
    finally:
        _slots.release()


DEADLINE_S = 10.0
ANSWER_BYTES = 2048
"""How much of an answer is read and kept."""
MAX_ERROR = 500
GONE = 410
SIGNATURE_HEADER = "Skycam-Signature"
"""By it a receiver knows that a request comes from this station, and when."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The outcome of one attempt. `error` is empty if the receiver accepted the delivery."""

    error: str
    status: int | None = None
    text: str = ""
    retry_after_s: float | None = None
    duration_s: float = 0.0

    @property
    def is_gone(self) -> bool:
        """Whether the receiver wants no more deliveries."""
        return self.status == GONE


class WebhookClient:
    """Connects only to addresses that the guard has checked. It follows no redirect, uses no proxy and verifies
    certificates with `tls`, by default those of the system."""

    def __init__(self, guard: OutgoingGuard, deadline_s: float = DEADLINE_S, tls: ssl.SSLContext | None = None) -> None:
        self._guard, self.deadline_s, self._tls = guard, deadline_s, tls

    def post(self, url: ReceiverUrl, body: bytes, headers: Mapping[str, str], method: str = "POST") -> Answer:
        """Never raises for what the network or the receiver does."""
        began = time.monotonic()
        status, text, retry_after_s = None, "", None
        try:
            with self._connect(url, began + self.deadline_s) as connection:
                response = send_request(DeadlineSocket(connection, began + self.deadline_s), url, body, headers, method)
                status, retry_after_s = response.status, retry_after(response.headers.get("Retry-After"))
                error = url.without_secrets(status_error(status, response.headers.get("Location")))
                text = read_text(response, url)
        except (OSError, ValueError, http.client.HTTPException) as failure:
            error = self._describe(failure)
        return Answer(readable(error)[:MAX_ERROR], status, text, retry_after_s, time.monotonic() - began)

    def _connect(self, url: ReceiverUrl, until: float) -> socket.socket:
        endpoint = resolve_within(self._guard, url.host, url.port, until)
        connection = connect_endpoint(endpoint, left_s(until))
        if not url.encrypted:
            return connection
        try:
            connection.settimeout(left_s(until))
            return (self._tls or ssl.create_default_context()).wrap_socket(connection, server_hostname=url.host)
        except BaseException:
            connection.close()
            raise

    def _describe(self, failure: Exception) -> str:
        match failure:
            case AddressRefused():
                return f"The address {failure}"
            case TimeoutError():
                return f"The receiver did not answer within {self.deadline_s:g} s."
            case ssl.SSLCertVerificationError():
                return f"The certificate of the receiver is not valid ({failure.verify_message})."
            case ssl.SSLError():
                return f"The encrypted connection failed ({failure.reason or 'TLS'})."
            case socket.gaierror():
                return f"The name of the receiver is not known ({failure.strerror})."
            case OSError():
                return f"The receiver cannot be reached ({failure.strerror or type(failure).__name__})."
        return f"The answer is not HTTP ({type(failure).__name__})."


def send_request(
    connection: DeadlineSocket, url: ReceiverUrl, body: bytes, headers: Mapping[str, str], method: str = "POST"
) -> http.client.HTTPResponse:
    """The answer, whose body is not read yet. OSError, ValueError, HTTPException."""
    request = http.client.HTTPConnection(url.host, url.port)
    # The connection is there already: `http.client` never resolves the name, and knows no proxy.
    request.sock = cast(socket.socket, connection)
    login = {"Authorization": url.authorization} if url.authorization else {}
    request.request(method, url.target, body, {"Host": url.host_header, **headers, **login, "Connection": "close"})
    return request.getresponse()


def status_error(status: int, location: str | None) -> str:
    """Why an answer with this status is no success; empty if it is one."""
    if 200 <= status < 300:
        return ""
    if 300 <= status < 400 and location:
        where = redact_url(location[:MAX_ERROR])
        return f"The receiver answered {status} and redirects to {where}. Redirects are not followed."
    return f"The receiver answered {status}."


def read_text(response: http.client.HTTPResponse, url: ReceiverUrl) -> str:
    """The beginning of the answer as text, without the secrets of the address. The status has decided already, so an
    answer that breaks off, or comes too slowly, is no failure."""
    content = b""
    try:
        # Piece by piece, so that what has arrived before the deadline is kept.
        while len(content) < ANSWER_BYTES and (piece := response.read1(ANSWER_BYTES - len(content))):
            content += piece
    except (OSError, ValueError, http.client.HTTPException):
        pass
    text = content.decode(errors="replace")
    return readable(url.without_secrets(text), keep="\t\n")


def retry_after(header: str | None) -> float | None:
    """The seconds of a Retry-After header; None without one, or if it is neither a number nor a date."""
    if header is None:
        return None
    try:
        seconds = float(header)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(header).timestamp() - time.time()
        except (ValueError, OverflowError, TypeError):
            return None
    return max(0.0, seconds) if math.isfinite(seconds) else None


# The signature


def new_secret() -> str:
    """43 characters, 256 bits."""
    return secrets.token_urlsafe(32)


def sign_body(body: bytes, keys: Iterable[str], at: int) -> str:
    """`t=<at>,v1=<hex>`, with a `v1` for each of the keys; `at` is in seconds since 1970."""
    content = f"{at}.".encode() + body
    signatures = (hmac.new(key.encode(), content, hashlib.sha256).hexdigest() for key in keys)
    return ",".join([f"t={at}", *(f"v1={signature}" for signature in signatures)])
