"""Secrets in the database, decrypted to recognise them in texts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote, urlsplit

from skycam_project.cli.station import Station

LONG_PART = 12
"""Characters from which on a part of a path may be a token."""


def encrypted_secrets(station: Station) -> Iterator[str]:
    """Of every encrypted column of every table. Raises CliError or DatabaseError while the database is away."""
    station.set_up_django()
    from core.secrets import DecryptionFailed, decrypt_unbound, rows_with_secrets

    for row, column in rows_with_secrets():
        try:
            secrets = decrypt_unbound(getattr(row, column))
        except DecryptionFailed:
            continue  # the station cannot use it either, so nothing can have written it into a text
        for leaf in leaves(secrets):
            yield from secrets_of_text(leaf)


def secrets_of_text(text: str) -> Iterator[str]:
    """A secret may be a text, an address, or JSON with several of both."""
    value = parse_json(text)
    if isinstance(value, dict | list):
        yield text
        for leaf in leaves(value):
            yield from secrets_of_text(leaf)
    elif "://" in text:
        yield from url_secrets(text)
    else:
        yield from (text, unquote(text))
        # A query, such as `appid=...`.
        yield from (part.partition("=")[2] for part in text.split("&"))


def parse_json(text: str) -> Any:
    """None for another text."""
    try:
        return json.loads(text)
    except ValueError:
        return None


def leaves(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for part in value.values():
            yield from leaves(part)
    elif isinstance(value, list):
        for part in value:
            yield from leaves(part)
    elif isinstance(value, str):
        yield value


def url_secrets(url: str) -> Iterator[str]:
    """The login and the query of an address, the long parts of its path, and the whole."""
    parts = urlsplit(url)
    yield from (url, parts.netloc.rpartition("@")[0], parts.password or "", unquote(parts.password or ""), parts.query)
    yield from (value for _, _, value in (option.partition("=") for option in parts.query.split("&")))
    yield from (part for part in parts.path.split("/") if len(part) >= LONG_PART)
