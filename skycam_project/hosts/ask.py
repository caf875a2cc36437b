"""One POST to the web of the main machine, with one deadline and a limit for the answer. Django-free."""

from __future__ import annotations

import http.client
import ipaddress
import json
import socket
import ssl
import time
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urlsplit

from core.deadline_socket import DeadlineSocket, left_s
from core.outgoing_request import OWN_HEADERS, PORTS, wrap_tls

DEADLINE_S = 10.0
MAX_ANSWER_BYTES = 1_000_000


class WebUnreachable(Exception):
    """The text is a sentence that names the address and says what to do."""


@dataclass(frozen=True, slots=True)
class WebAnswer:
    status: int
    body: Any
    """JSON; None for anything else."""


def post_json(url: str, path: str, body: Any, deadline_s: float = DEADLINE_S) -> WebAnswer:
    """The answer of the web server at `url`. WebUnreachable.

    Over https its certificate is verified; plain http is allowed to private addresses and loopback only. No redirect is
    followed.
    """
    try:
        return _post(url, path, json.dumps(body).encode(), time.monotonic() + deadline_s)
    except TimeoutError:
        why = f"has not answered within {deadline_s:g} s"
    except ssl.SSLCertVerificationError as error:
        why = (
            f"has a certificate that this machine does not trust ({error.verify_message}). If it is one of your own "
            "authority, name its file: SSL_CERT_FILE=FILE skycam join"
        )
    except (OSError, http.client.HTTPException, ValueError) as error:
        why = f"cannot be reached ({getattr(error, 'strerror', None) or type(error).__name__})"
    raise WebUnreachable(f"{url} {why}.")


def _post(url: str, path: str, content: bytes, until: float) -> WebAnswer:
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or PORTS[parts.scheme]
    connection = _connect(host, port, until, is_plain=parts.scheme == "http", url=url)
    with wrap_tls(connection, host, until) if parts.scheme == "https" else connection as opened:
        opened.settimeout(left_s(until))
        headers = {"Host": parts.netloc, **OWN_HEADERS, "Accept": "application/json"}
        headers |= {"Content-Type": "application/json", "Content-Length": str(len(content))}
        lines = [f"POST {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
        opened.sendall("\r\n".join(lines).encode() + content)
        response = http.client.HTTPResponse(cast(socket.socket, DeadlineSocket(opened, until)), method="POST")
        response.begin()
        return WebAnswer(response.status, _json_or_none(response.read(MAX_ANSWER_BYTES)))


def _connect(host: str, port: int, until: float, *, is_plain: bool, url: str) -> socket.socket:
    """A connection to the first address that accepts one. The name is resolved once: what is checked is used."""
    failure: OSError = OSError("There is no address.")
    for family, kind, protocol, _, place in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        address = ipaddress.ip_address(str(place[0]).partition("%")[0])
        if is_plain and address.is_global:
            raise WebUnreachable(
                f"{url} is not on a private network, and http shows this machine's name to all on the way. Invite with "
                "an address that begins with https://: `skycam hosts invite NAME --url URL`."
            )
        connection = socket.socket(family, kind, protocol)
        try:
            connection.settimeout(left_s(until))
            connection.connect(place)
        except OSError as error:
            connection.close()
            failure = error
            continue
        return connection
    raise failure


def _json_or_none(content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError:
        return None
