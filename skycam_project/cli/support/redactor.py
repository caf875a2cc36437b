"""Removes secrets from texts: those that are known, in every form in which a program writes them, and what looks like
one."""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import quote, quote_plus

from monitoring.webhooks.receiver_url import redact_url
from skycam_project.config.redaction import REDACTED

LEAST_SECRET = 4
"""Shorter texts are part of ordinary words. They are removed only where a name or a URL shows that they are secret."""
LEAST_BASE64 = 6
WORDS = (
    r"(?:passw|passphrase|pwd|secret|token|credential|appid|signature|csrf|session_?id"
    r"|(?:api|access|auth|private)[_-]?key|(?<![a-z])(?:pass|auth)(?![a-z]))"
)
NAME = re.compile(rf"(?i)\A(?=[\w.-]{{1,80}}\Z).*(?:{WORDS}|authorization|cookie)")
"""A name whose value is a secret: of a member, a variable or a header."""
URL = re.compile(r"(?i)\b[a-z][a-z0-9+.-]{0,20}://[^\s\"'<>|\\]+")
VALUE = r"(?:b?(?P<quote>\\*[\"'])(?:(?!(?<!\\)(?P=quote))[^\r\n])*|[^\s&]+)"
"""A text up to its end quote, which is escaped as often as the first one, or a word."""
# No repetition in them is unbounded unless all that it matches is replaced: a log is hostile, and may be one long line.
PATTERNS = (
    # The rest of the line: the words of a header are its secret.
    (
        re.compile(
            r"(?i)(\b(?:proxy-)?authorization\b|\b(?:set-)?cookie\b|\bx-(?:api|auth)-(?:key|token)\b)"
            r"(\\*[\"']?\s{0,8}[:=])[^\r\n]*"
        ),
        rf"\1\2 {REDACTED}",
    ),
    # A login in an address, which may have lost its scheme. Up to the last @: a password may have any characters.
    (re.compile(r"(?:(?<=://)\S{1,200}|(?<![\w.%+-])[\w.%+-]{1,64}:\S{1,200})@(?=[\w\[])"), f"{REDACTED}@"),
    (re.compile(r"(?i)\b(bearer|basic|token)(\s{1,8})[a-z0-9._~+/=-]{8,}"), rf"\1\2{REDACTED}"),
    (
        re.compile(
            rf"(?i)({WORDS}[\w.-]{{0,40}}(?:\\*[\"']?\s{{0,8}}[=:]\s{{0,8}}|\\*[\"']\s{{0,8}},\s{{0,8}})){VALUE}"
        ),
        rf"\1{REDACTED}",
    ),
    (re.compile(rf"(?i)(--[\w-]{{0,40}}{WORDS}[\w-]{{0,40}}\s{{1,8}}){VALUE}"), rf"\1{REDACTED}"),
    (re.compile(rf"(?i)([?&][\w.-]{{0,40}}(?:{WORDS}|key|sig)[\w.-]{{0,40}}=)[^\s&\"']+"), rf"\1{REDACTED}"),
    (
        re.compile(
            r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----.*?(?:-----END [A-Z ]{0,40}PRIVATE KEY-----|\Z)", re.DOTALL
        ),
        REDACTED,
    ),
    # What core.secrets has encrypted.
    (re.compile(r"gAAAA[\w=-]{20,}"), REDACTED),
)


class Redactor:
    """`secrets` are those that are known. Thread-safe: it does not change."""

    def __init__(self, secrets: Iterable[str]) -> None:
        forms = {form for secret in secrets if len(secret) >= LEAST_SECRET for form in written_forms(secret)}
        # The longest first: a secret may be part of another one.
        self._known = sorted(forms, key=len, reverse=True)

    def redact_text(self, text: str) -> str:
        for form in self._known:
            text = text.replace(form, REDACTED)
        for pattern, replacement in PATTERNS:
            text = pattern.sub(replacement, text)
        return URL.sub(lambda match: redact_url(match[0]), text)

    def redact_value(self, value: Any, *, is_secret: bool = False) -> Any:
        """A value of JSON. Everything below a sensitive name is replaced."""
        if isinstance(value, dict):
            return {
                self.redact_text(str(name)): self.redact_value(part, is_secret=is_secret or is_sensitive(name))
                for name, part in value.items()
            }
        if isinstance(value, list | tuple):
            # Also the value of a pair, and what follows an option of a command.
            names = [None, *value][: len(value)]
            return [
                self.redact_value(part, is_secret=is_secret or (isinstance(name, str) and is_sensitive(name)))
                for name, part in zip(names, value, strict=True)
            ]
        if value is None or isinstance(value, bool):
            return value
        if is_secret:
            return REDACTED
        return value if isinstance(value, int | float) else self.redact_text(str(value))


def is_sensitive(name: object) -> bool:
    return NAME.match(str(name)) is not None


def written_forms(secret: str) -> Iterator[str]:
    """The secret as it stands in a URL, in JSON, in HTML and in base64."""
    yield from (secret, quote(secret, safe=""), quote(secret), quote_plus(secret), html.escape(secret))
    yield from (json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1], repr(secret)[1:-1])
    raw = secret.encode()
    for before in range(3):
        # As part of a longer text, such as `user:password`, its bytes begin at any place of a group of three.
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            whole = encode(bytes(before) + raw).decode().rstrip("=")
            begin = (0, 2, 3)[before]
            end = len(whole) - (0 if (before + len(raw)) % 3 == 0 else 1)
            if end - begin >= LEAST_BASE64:
                yield whole[begin:end]
