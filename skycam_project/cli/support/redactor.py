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
NAMES = r"[\w.-]*(?:passw|passphrase|pwd|secret|token|api[_-]?key|private[_-]?key|session_?id|csrf|signature)[\w.-]*"
SENSITIVE_NAME = re.compile(rf"(?i)\A(?:{NAMES}|.*authorization|.*cookie)\Z")
URL = re.compile(r"(?i)[a-z][a-z0-9+.-]*://[^\s\"'<>|\\]+")
PATTERNS = (
    # The rest of the line: the words of a header are its secret.
    (
        re.compile(r"(?i)(\b(?:proxy-)?authorization\b|\b(?:set-)?cookie\b|\bx-api-key\b)([\"']?\s*[:=])[^\r\n]*"),
        rf"\1\2 {REDACTED}",
    ),
    (re.compile(r"(?i)\b(bearer|basic|token)(\s+)[a-z0-9._~+/=-]{8,}"), rf"\1\2{REDACTED}"),
    (re.compile(rf"(?i)({NAMES}[\"']?\s*[=:]\s*)(?:\"[^\"]*\"|'[^']*'|[^\s,;&|]+)"), rf"\1{REDACTED}"),
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL), REDACTED),
    # What core.secrets has encrypted.
    (re.compile(r"gAAAA[\w=-]{20,}"), REDACTED),
)


class Redactor:
    """`secrets` are those that are known. Thread-safe: it does not change."""

    def __init__(self, secrets: Iterable[str]) -> None:
        forms = {form for secret in secrets if len(secret) >= LEAST_SECRET for form in written_forms(secret)}
        # The longest first: a secret may be part of another one.
        listed = sorted(forms, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, listed))) if listed else None

    def redact_text(self, text: str) -> str:
        if self._known is not None:
            text = self._known.sub(REDACTED, text)
        text = URL.sub(lambda match: redact_url(match[0]), text)
        for pattern, replacement in PATTERNS:
            text = pattern.sub(replacement, text)
        return text

    def redact_value(self, value: Any, *, is_secret: bool = False) -> Any:
        """A value of JSON. Everything below a sensitive name is replaced."""
        if isinstance(value, dict):
            return {
                self.redact_text(str(name)): self.redact_value(part, is_secret=is_secret or is_sensitive(name))
                for name, part in value.items()
            }
        if isinstance(value, list | tuple):
            return [self.redact_value(part, is_secret=is_secret) for part in value]
        if value is None or isinstance(value, bool):
            return value
        if is_secret:
            return REDACTED
        return value if isinstance(value, int | float) else self.redact_text(str(value))


def is_sensitive(name: object) -> bool:
    return SENSITIVE_NAME.match(str(name)) is not None


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
