"""Addresses in the database: redacted, with their secrets encrypted in a field of their own.

A secret is encrypted together with the host that it was given for and is never put into another host's address. So
neither a user who may change addresses nor a thief of the database can have a password sent elsewhere.
"""

from __future__ import annotations

import json

from cameras.drivers.credentials import REDACTED, address_secrets, fill_secrets, redact_address, secret_origin
from core.secrets import DecryptionFailed, decrypt_secret, encrypt_secret

UNREADABLE = (
    "The stored password cannot be read: the station's key for it is lost or has changed. "
    "Put the key back (docs/cameras/network-cameras.md says where), or write the password itself in place of ***."
)


def encrypt_address(address: str) -> tuple[str, str]:
    """A full address as it is stored: redacted, and its secrets encrypted (empty without secrets)."""
    secrets = address_secrets(address)
    if not secrets:
        return address, ""
    # The host is part of the encrypted text: in a column of its own, anyone who can write to the database could replace
    # it, and have the password sent to another host.
    content = json.dumps({"origin": secret_origin(address), "secrets": secrets})
    return redact_address(address), encrypt_secret(content)


def decrypt_address(address: str, encrypted: str) -> str:
    """`address` with the secrets of `encrypted` in place of ***. DecryptionFailed, also when they belong to another
    host."""
    # A complete address needs no stored secret, so it works while the key is lost.
    if REDACTED not in address:
        return address
    # Without stored secrets there is no host to compare; `fill_secrets` then says that no password is stored.
    place, secrets = _decrypt_secrets(encrypted) if encrypted else (secret_origin(address), {})
    if place != secret_origin(address):
        raise DecryptionFailed(f"The stored password is for {place} only. For another host, write it again.")
    try:
        return fill_secrets(address, secrets)
    except ValueError as error:
        raise DecryptionFailed(str(error)) from None


def _decrypt_secrets(encrypted: str) -> tuple[str, dict[str, str]]:
    """The host that the secrets belong to, and the secrets by name. DecryptionFailed."""
    try:
        content = json.loads(decrypt_secret(encrypted))
    # DecryptionFailed is a ValueError, too: its sentence is about any secret, this one about addresses.
    except ValueError:
        raise DecryptionFailed(UNREADABLE) from None
    return content["origin"], content["secrets"]
