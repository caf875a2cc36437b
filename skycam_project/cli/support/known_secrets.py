"""Removes secrets from texts: those that are known, in every form in which a program writes them, and what looks like
one. Known is every secret of the station that can be read: in the configuration, the data folder, the environment and
the database, where secrets are decrypted."""

from __future__ import annotations

import base64
import html
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus, unquote, urlsplit

from core.registry import resolve
from monitoring.webhooks.receiver_url import redact_url
from skycam_project.cli.diagnostics.finding import TooSlow, run_within
from skycam_project.cli.station import Station
from skycam_project.config import ConfigError, SkycamConfig
from skycam_project.config.folder import ADDRESS_FILE, BROKER_FILE, KEY_FILE
from skycam_project.config.keys import Section
from skycam_project.config.redaction import REDACTED, passwords_in, secrets_of

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


SOURCES = {
    "configuration": "skycam_project.cli.support.known_secrets:configured_secrets",
    "running configuration": "skycam_project.cli.support.known_secrets:secrets_in_use",
    "key files": "skycam_project.cli.support.known_secrets:key_files",
    "environment": "skycam_project.cli.support.known_secrets:environment_secrets",
    "database": "skycam_project.cli.support.known_secrets:encrypted_secrets",
}
"""Where secrets are -> a function from the Station to them. One that fails is listed in the bundle."""

PATIENCE_S = 30.0
FOLDERS_OF_SHELLS = {"PWD", "OLDPWD"}
"""Variables that only look as if they held a password."""


def configured_secrets(station: Station) -> Iterator[str]:
    """Of the files and the environment. Raises ConfigError."""
    return secrets_of_configuration(station.config)


def secrets_in_use(_station: Station) -> Iterator[str]:
    """Of this process, whose files may have changed since, or may be broken now; none in a command without Django."""
    settings = resolve("django.conf.settings")
    if settings.configured:
        yield from secrets_of_configuration(settings.STATION)


def secrets_of_configuration(config: SkycamConfig) -> Iterator[str]:
    """Of every key that the model marks as secret."""
    yield from secrets_of(config)
    for text in marked_values(config):
        yield from secrets_in(text)


def marked_values(section: Section) -> Iterator[str]:
    """The values of the keys that are marked as secret, also in lists of sections."""
    from skycam_project.config.model import field_option

    for attribute, field in type(section).model_fields.items():
        value = getattr(section, attribute)
        parts = value if isinstance(value, list) else [value]
        for part in parts:
            if isinstance(part, Section):
                yield from marked_values(part)
            elif isinstance(part, str) and field_option(field, "secret"):
                yield part


def secrets_in(text: str) -> set[str]:
    """The passwords of a URL; the whole text otherwise."""
    return passwords_in(text) if "://" in text else {text}


def key_files(station: Station) -> Iterator[str]:
    """Also when the configuration is broken, and names another folder than the variable."""
    for folder in {data_folder(station), Path(os.environ.get("SKYCAM_DATA", "skycam-data"))}:
        for name in (KEY_FILE, ADDRESS_FILE, f"run/{BROKER_FILE}"):
            file = folder / name
            if file.is_file():
                yield file.read_text(encoding="utf-8", errors="replace").strip()


def data_folder(station: Station) -> Path:
    try:
        return station.config.data
    except ConfigError:
        return Path(os.environ.get("SKYCAM_DATA", "skycam-data"))


def environment_secrets(station: Station) -> Iterator[str]:
    """Of this command's environment, and of the file `.env` beside the configuration, which may be broken."""
    yield from sensitive_variables(os.environ)
    folder = station.config_path.parent if station.config_path else Path.cwd()
    dotenv = folder / ".env"
    if dotenv.is_file():
        lines = dotenv.read_text(encoding="utf-8", errors="replace").splitlines()
        pairs = (line.removeprefix("export ").partition("=") for line in lines if "=" in line)
        yield from sensitive_variables({name.strip(): text.strip().strip("\"'") for name, _, text in pairs})


def sensitive_variables(variables: Mapping[str, str]) -> Iterator[str]:
    for name, text in variables.items():
        if is_sensitive(name) and name not in FOLDERS_OF_SHELLS:
            yield from {text, *secrets_in(text)}
        elif "://" in text and urlsplit_or_none(text):
            yield from passwords_in(text)


def urlsplit_or_none(text: str) -> bool:
    """Whether it is a URL that can be taken apart."""
    try:
        return bool(urlsplit(text).netloc)
    except ValueError:
        return False


def known_secrets(station: Station) -> tuple[set[str], dict[str, str]]:
    """All secrets, and for each source that could not be read why."""
    found: set[str] = set()
    failed = {}
    for name, path in SOURCES.items():
        secrets, reason = read_source(path, station)
        found |= secrets
        if reason:
            failed[name] = reason
    return found - {""}, failed


def read_source(path: str, station: Station) -> tuple[set[str], str]:
    """The secrets of one source, or why there are none."""

    def read() -> tuple[set[str], str]:
        try:
            return set(resolve(path)(station)), ""
        # Whatever is broken must not keep the others from being found, nor the bundle from being made.
        except Exception as error:  # noqa: BLE001
            return set(), type(error).__name__

    try:
        return run_within(PATIENCE_S, read)
    except TooSlow as error:
        return set(), str(error)


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
