"""The secrets in an address: its password, and parameters whose name suggests a secret.

Only a redacted address may be stored, logged or returned: `rtsp://user:***@host/live`. Its secrets are stored
separately, each under the name of its position, and are valid only for the host that they were entered for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from urllib.parse import quote, unquote

REDACTED = "***"
"""Replaces a secret in a redacted address. It cannot occur otherwise: a password's own `*` is written `%2A`."""
LOGIN = re.compile(r"\A[A-Za-z][\w+.-]*://(?P<user>[^/?#@:]*)(?::(?P<password>[^/?#]*))?@")
ORIGIN = re.compile(r"\A(?P<scheme>[A-Za-z][\w+.-]*)://(?:[^/?#]*@)?(?P<place>[^/?#]*)")
NAMED = re.compile(r"(?P<name>(?<=[?&;])[^=&;/?#]+|[^=&;/?#_]+)=(?P<value>.*?)(?=[&;/?#]|_[A-Za-z]+=|\Z)")
"""In a query, _ is part of a name. In a path, it separates parameters of some cameras."""
SECRET_NAMES = re.compile(r"(?i)pas|pwd|psw|pin\Z|secret|token|key|auth|sig|login|cred|\Ap\Z|session|hash|code\Z")
PUBLIC_NAMES = re.compile(
    r"(?i)\A(?:user(?:name)?|usr|channel|ch|sub(?:type|stream)?|stream(?:type|id)?|camera|cam|resolution|width|height|"
    r"fps|req_fps|rate|quality|compression|profile|codec|videocodec|format|type|mode|unicast|proto|action|chan|res|"
    r"inst|real_stream|date|time|clock|text|rotation|source|id)\Z"
)
"""In a query every value is a secret, except under these names."""


def redact_address(address: str) -> str:
    """The address with REDACTED in place of each secret."""
    return _replace_secrets(address, {name: REDACTED for name, _, _ in _secret_spans(address)})


def address_secrets(address: str) -> dict[str, str]:
    """Each secret by the name of its position."""
    return {name: address[start:end] for name, start, end in _secret_spans(address)}


def fill_secrets(address: str, known: Mapping[str, str]) -> str:
    """The address with `known` secrets where it has REDACTED; ValueError for one that is not known."""
    hidden = {name for name, value in address_secrets(address).items() if value == REDACTED}
    # The count finds a *** at a place that is not recognised as a secret: it would stay in the address and be sent.
    if hidden - set(known) or address.count(REDACTED) != len(hidden):
        raise ValueError(f"No password is stored for a {REDACTED} in this address. Write the password itself there.")
    return _replace_secrets(address, {name: known[name] for name in hidden})


def secret_origin(address: str) -> str:
    """What a secret is bound to: `rtsp://user@host:554`. It is not used for any other host or user."""
    user, place = LOGIN.match(address), ORIGIN.match(address)
    login = f"{user['user']}@" if user else ""
    return f"{place['scheme']}://{login}{place['place']}".lower() if place else ""


def with_password(address: str, password: str) -> str:
    """The address with this password in place of its own. ValueError when it names no user."""
    login = LOGIN.match(address)
    if login is None or not login["user"]:
        raise ValueError("A password needs a name: rtsp://NAME@host/path.")
    # All special characters encoded: an @ or / would end the password, and *** would look redacted.
    return f"{address[: login.end('user')]}:{quote(password, safe='')}@{address[login.end() :]}"


def _secret_spans(address: str) -> Iterator[tuple[str, int, int]]:
    """Name, start and end of each secret, from left to right."""
    login = LOGIN.match(address)
    if login and login["password"]:
        yield "password", *login.span("password")
    place = ORIGIN.match(address)
    if place is None:
        return
    query = address.find("?", place.end())
    seen: dict[str, int] = {}
    for found in NAMED.finditer(address, place.end()):
        if found["value"] and _is_secret(found["name"], in_query=0 <= query < found.start()):
            # A name may occur twice, with two values.
            count = seen[found["name"]] = seen.get(found["name"], 0) + 1
            yield f"{found['name']}{f' {count}' if count > 1 else ''}", *found.span("value")


def _is_secret(name: str, *, in_query: bool) -> bool:
    # Cameras decode names, so `%70wd` is `pwd`.
    if SECRET_NAMES.search(unquote(name)):
        return True
    return in_query and not PUBLIC_NAMES.match(name.rpartition("_")[2])


def _replace_secrets(address: str, values: Mapping[str, str]) -> str:
    # From the right, so that the positions of those before stay valid.
    for name, start, end in reversed(list(_secret_spans(address))):
        if name in values:
            address = address[:start] + values[name] + address[end:]
    return address
