"""The exchange between `skycam join` and the main machine's web: proofs, keys and bodies, and one POST with a
deadline and a limit for the answer. Django-free. The new machine proves that it has the secret of an invitation,
without sending it, and gets an answer that only who has the secret can read and write: docs/decisions/joining.md says
why this is enough over plain HTTP."""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import ipaddress
import json
import os
import socket
import ssl
import time
from dataclasses import dataclass
from typing import Any, TypedDict, cast
from urllib.parse import urlsplit
from uuid import UUID

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from core.outgoing_request import OWN_HEADERS, PORTS, DeadlineSocket, left_s, wrap_tls
from skycam_project.hosts.join_line import SECRET_BYTES

FORMAT = 1
KEY_BYTES = 32
PATH = "/api/v1/hosts/join/"


class MachineFacts(TypedDict):
    """What a machine says about itself."""

    place: str
    """The same for one machine, boot and data folder; another for every other."""
    name: str
    """Its own name, for people."""
    version: str


class JoinRequest(TypedDict):
    format: int
    invitation: str
    nonce: str
    machine: MachineFacts
    proof: str


class SharedConfiguration(TypedDict):
    """What the new machine gets. `variables` are those of the configuration; a value may name one of `files`, which
    have their content as base64."""

    host: str
    variables: dict[str, str]
    files: dict[str, str]
    notes: list[str]
    """Sentences for the person who joins the machine."""


class AnswerUnreadable(ValueError):
    """The answer was not made by who has the secret of the invitation, or not for this request."""


def verifier_of(secret: bytes, invitation: UUID) -> bytes:
    """What the main machine keeps to check proofs. The secret cannot be computed from it."""
    return _derive(secret, invitation.bytes, b"skycam join verifier")


def make_request(secret: bytes, invitation: UUID, machine: MachineFacts) -> JoinRequest:
    nonce = base64.b64encode(os.urandom(SECRET_BYTES)).decode()
    request = JoinRequest(format=FORMAT, invitation=str(invitation), nonce=nonce, machine=machine, proof="")
    return {**request, "proof": proof_of(verifier_of(secret, invitation), request)}


def proof_of(verifier: bytes, request: JoinRequest) -> str:
    """Of everything in the request but the proof itself."""
    return hmac.digest(_derive(verifier, b"", b"skycam join proof"), _signed_bytes(request), "sha256").hex()


def is_proved(verifier: bytes, request: JoinRequest) -> bool:
    return hmac.compare_digest(proof_of(verifier, request).encode(), request["proof"].encode())


def encrypt_answer(verifier: bytes, request: JoinRequest, answer: SharedConfiguration) -> str:
    return _cipher(verifier, request).encrypt(json.dumps(answer).encode()).decode()


def decrypt_answer(secret: bytes, request: JoinRequest, encrypted: str) -> Any:
    """The answer as JSON. AnswerUnreadable."""
    verifier = verifier_of(secret, UUID(request["invitation"]))
    try:
        return json.loads(_cipher(verifier, request).decrypt(encrypted))
    except (InvalidToken, ValueError, TypeError):
        raise AnswerUnreadable from None


def _cipher(verifier: bytes, request: JoinRequest) -> Fernet:
    # The request is part of the key: an answer that was recorded fits no other request.
    salt = hashlib.sha256(_signed_bytes(request)).digest()
    return Fernet(base64.urlsafe_b64encode(_derive(verifier, salt, b"skycam join answer")))


def _signed_bytes(request: JoinRequest) -> bytes:
    signed = {name: value for name, value in request.items() if name != "proof"}
    return json.dumps(signed, sort_keys=True, separators=(",", ":")).encode()


def _derive(key: bytes, salt: bytes, use: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=salt, info=use).derive(key)


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
