"""The address of a receiver: which ones are allowed, its secrets, and how it is shown. Django-free.

A token may be in the login, in the query or in the path. So any query value, and any long part of the path, is a
secret.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Self
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

REDACTED = "***"
PORTS = {"http": 80, "https": 443}
MAX_LENGTH = 1000
LONG_PART = 16
"""Characters from which on a part of a path may be a token."""
LEAST_SECRET = 4
"""Shorter secrets are not searched for in answers: they would hide parts of other words."""


class InvalidUrl(ValueError):
    """The message says what is allowed."""


@dataclass(frozen=True, slots=True)
class ReceiverUrl:
    """An http or https address, complete with its secrets."""

    parts: SplitResult

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises InvalidUrl."""
        if len(text) > MAX_LENGTH:
            raise InvalidUrl(f"An address may have at most {MAX_LENGTH} characters.")
        if not text.isascii() or not text.isprintable() or " " in text:
            raise InvalidUrl("An address has no spaces and only ASCII characters. Write others as %C3%A4.")
        try:
            parts = urlsplit(text)
            known = parts.scheme in PORTS and bool(parts.hostname) and parts.port != 0
        except ValueError:
            known = False
        if not known:
            raise InvalidUrl("Write an address such as https://lab.example.org/hooks/skycam.")
        if parts.fragment:
            raise InvalidUrl("The part after # is never sent. Leave it out.")
        if REDACTED in text:
            raise InvalidUrl(f"Write the address with its secrets in place of {REDACTED}.")
        return cls(parts)

    @property
    def host(self) -> str:
        return self.parts.hostname or ""

    @property
    def port(self) -> int:
        return self.parts.port or PORTS[self.parts.scheme]

    @property
    def encrypted(self) -> bool:
        """Whether the connection uses TLS."""
        return self.parts.scheme == "https"

    @property
    def target(self) -> str:
        """Path and query, as the request line has them."""
        return (self.parts.path or "/") + (f"?{self.parts.query}" if self.parts.query else "")

    @property
    def host_header(self) -> str:
        return self.parts.netloc.rpartition("@")[2]

    @property
    def authorization(self) -> str:
        """The header for the login of the address; empty without one."""
        if self.parts.username is None:
            return ""
        login = f"{unquote(self.parts.username)}:{unquote(self.parts.password or '')}"
        return "Basic " + base64.b64encode(login.encode()).decode()

    @property
    def text(self) -> str:
        return self.parts.geturl()

    @property
    def shown(self) -> str:
        """The address with REDACTED in place of each secret."""
        return redact_url(self.text)

    def without_secrets(self, text: str) -> str:
        """A text of the receiver with REDACTED in place of each secret of the address."""
        for secret in sorted(self._secrets(), key=len, reverse=True):
            text = text.replace(secret, REDACTED)
        return text

    def _secrets(self) -> set[str]:
        login = self.parts.netloc.rpartition("@")[0]
        written = {self.parts.password or "", login, self.authorization.removeprefix("Basic ")}
        written |= {value for _, _, value in (option.partition("=") for option in self.parts.query.split("&"))}
        written |= {value for _, value in parse_qsl(self.parts.query)}
        written |= {part for part in self.parts.path.split("/") if len(part) >= LONG_PART}
        return {form for text in written for form in (text, unquote(text)) if len(form) >= LEAST_SECRET}


def redact_url(text: str) -> str:
    """Any address, also a broken one, with REDACTED in place of what may be a secret."""
    try:
        parts = urlsplit(text)
        host = parts.netloc.rpartition("@")[2]
    except ValueError:
        return REDACTED
    login = f"{REDACTED}@" if "@" in parts.netloc else ""
    path = "/".join(REDACTED if len(part) >= LONG_PART else part for part in parts.path.split("/"))
    query = "&".join(_redact_option(option) for option in parts.query.split("&")) if parts.query else ""
    return parts._replace(netloc=login + host, path=path, query=query, fragment="").geturl()


def _redact_option(option: str) -> str:
    name, equals, value = option.partition("=")
    # An option without a value may itself be the token.
    return f"{name}={REDACTED}" if equals and value else (option if equals else REDACTED)
