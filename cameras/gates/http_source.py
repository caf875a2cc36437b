"""The answer of an HTTP address as the source of a gate. Django-free."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import time
from collections.abc import Mapping
from typing import cast
from urllib.parse import SplitResult, urlsplit

from cameras.gates.gate import Reading
from cameras.gates.sources import LONGEST_BYTES, text_reading
from core.deadline_socket import DeadlineSocket, left_s
from core.outgoing import AddressRefused, OutgoingGuard

PORTS = {"http": 80, "https": 443}
OWN_HEADERS = {"User-Agent": "Skycam", "Accept": "*/*", "Connection": "close"}


class HttpSource:
    """One GET for each reading, with a deadline for all of it. The guard checks the address each time. No redirect is
    followed: it could lead to an address that the operator did not name."""

    def __init__(
        self, url: str, path: str, headers: Mapping[str, str], deadline_s: float, guard: OutgoingGuard
    ) -> None:
        """`path` leads to the value in a JSON answer, as `a.b.0`; if it is empty, the answer is the value."""
        self._parts, self._path, self._headers = urlsplit(url), path, headers
        self._deadline_s, self._guard = deadline_s, guard

    def read(self) -> Reading:
        try:
            status, content = self._get(time.monotonic() + self._deadline_s)
        except AddressRefused as error:
            return Reading(None, f"The address {error}")
        except TimeoutError:
            return Reading(None, f"The address has not answered within {self._deadline_s:g} s.")
        except ssl.SSLCertVerificationError as error:
            return Reading(None, f"The certificate of the address is not valid ({error.verify_message}).")
        except (OSError, http.client.HTTPException, ValueError) as error:
            why = getattr(error, "strerror", None) or type(error).__name__
            return Reading(None, f"The address cannot be read ({why}).")
        if not 200 <= status < 300:
            return Reading(None, f"The address answered with the status {status}.")
        found = text_reading(content, "The answer")
        return value_at(found.value, self._path) if self._path and isinstance(found.value, str) else found

    def _get(self, until: float) -> tuple[int, bytes]:
        """The status and at most LONGEST_BYTES + 1 of the body. OSError, HTTPException, ValueError."""
        host, port = self._parts.hostname or "", self._parts.port or PORTS[self._parts.scheme]
        with self._wrap_tls(self._guard.connect(host, port, left_s(until)), until) as connection:
            connection.settimeout(left_s(until))
            connection.sendall(request(self._parts, self._headers))
            # Not HTTPConnection: it would resolve the name again, past the guard.
            response = http.client.HTTPResponse(cast(socket.socket, DeadlineSocket(connection, until)), method="GET")
            response.begin()
            return response.status, response.read(LONGEST_BYTES + 1)

    def _wrap_tls(self, connection: socket.socket, until: float) -> socket.socket:
        if self._parts.scheme != "https":
            return connection
        try:
            connection.settimeout(left_s(until))
            return ssl.create_default_context().wrap_socket(connection, server_hostname=self._parts.hostname)
        except BaseException:
            connection.close()
            raise


def request(parts: SplitResult, headers: Mapping[str, str]) -> bytes:
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    lines = [f"{name}: {value}" for name, value in {"Host": parts.netloc, **OWN_HEADERS, **headers}.items()]
    return "\r\n".join([f"GET {target} HTTP/1.1", *lines, "", ""]).encode()


def value_at(text: str, path: str) -> Reading:
    """The value at `a.b.0` in a JSON text: names of members, and places in lists."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return Reading(None, "The answer is not JSON.")
    for name in path.split("."):
        try:
            found = found[int(name)] if isinstance(found, list) else found[name]
        except (KeyError, IndexError, ValueError, TypeError):
            return Reading(None, f"The answer has no value at {path}.")
    # Before the numbers: a truth value is one of them.
    if isinstance(found, bool):
        return Reading("true" if found else "false")
    # As a text: the gate compares it with numbers or with words, and refuses what is no number.
    if isinstance(found, int | float | str):
        return Reading(str(found))
    return Reading(None, f"The answer has neither a number nor a text at {path}.")
