"""The exchange between `skycam join` and the main machine's web: proofs, keys and bodies. Django-free.

The new machine proves that it has the secret of an invitation, without sending it, and gets an answer that only who has
the secret can read and write: docs/decisions/joining.md says why this is enough over plain HTTP.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
from typing import Any, TypedDict
from uuid import UUID

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

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
