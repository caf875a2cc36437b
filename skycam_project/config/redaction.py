"""Redaction: which texts are secrets, and values with secrets replaced."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from skycam_project.config.described_lists import setting_secrets_of
from skycam_project.config.gates import header_secrets
from skycam_project.config.keys import Key, Section
from skycam_project.config.lists import address_secrets_of, sensor_secrets_of
from skycam_project.config.model import SkycamConfig, field_option, key_option

REDACTED = "********"
DEAD_MAN_SWITCH = ("monitoring", "dead_man_switch", "url")
"""An address that is a secret as a whole: its path is the key."""
# Greedy, up to the last @: a password may contain an unescaped one.
LOGIN_IN_URL = re.compile(r"(?<=://)[^/?#]*@")
WORDS = "pass|pwd|secret|token|key|auth|appid|signature"
SENSITIVE = re.compile(f"(?i){WORDS}")
SENSITIVE_OPTION = re.compile(rf"(?i)([?&][^=&]*(?:{WORDS})[^=&]*=)[^&]*")


def redacted(key: Key, value: Any) -> Any:
    """The value of `key` with secrets replaced, in JSON's types."""
    if isinstance(value, list):
        return [redacted_section(part) if isinstance(part, Section) else str(part) for part in value]
    if key == DEAD_MAN_SWITCH and value:
        return REDACTED
    if isinstance(value, str) and value and key_option(key, "secret"):
        return redacted_url(value) if "://" in value else REDACTED
    return plain(value)


def redacted_section(section: Section) -> dict[str, Any]:
    """The keys that were given of an item of a list, with secrets replaced."""
    found: dict[str, Any] = {}
    for attribute, field in type(section).model_fields.items():
        name, value = field.alias or attribute, getattr(section, attribute)
        if attribute not in section.model_fields_set:
            continue
        if isinstance(value, Section):
            found[name] = redacted_section(value)
        elif field_option(field, "secret"):
            found[name] = REDACTED
        else:
            found[name] = redacted_url(value) if isinstance(value, str) and "://" in value else plain(value)
    return found


def plain(value: Any) -> Any:
    return str(value) if isinstance(value, Path) else value


def redacted_url(url: str) -> str:
    """A URL with its passwords replaced, in the login and in the query."""
    return SENSITIVE_OPTION.sub(rf"\1{REDACTED}", LOGIN_IN_URL.sub(lambda match: redacted_login(match[0]), url))


def redacted_login(login: str) -> str:
    user, colon, _ = login.removesuffix("@").partition(":")
    return f"{user}:{REDACTED}@" if colon else login


def secrets_of(config: SkycamConfig) -> list[str]:
    """Every text that must not be printed or logged, longest first."""
    gates = [gate.source.http for gate in config.gates]
    cameras = address_secrets_of(config.cameras)
    urls = [url for url in (config.database_url, config.redis_url, config.camera_redis_url, *gates, *cameras) if url]
    found = {
        config.secret_key,
        config.address_secret,
        config.admin_password or "",
        config.service.token,
        config.monitoring.dead_man_switch.url,
        *header_secrets(config.gates),
        *sensor_secrets_of(config.sensors),
        *setting_secrets_of(config),
        *(text for url in urls for text in passwords_in(url)),
    }
    # A secret may be part of a longer one. Replaced first, it would leave the rest of the longer one readable.
    return sorted(found - {""}, key=len, reverse=True)


def passwords_in(url: str) -> set[str]:
    parts = urlsplit(url)
    written = [parts.password or ""]
    # Libraries log a password as it is in the URL, or decoded.
    options = [option.partition("=") for option in parts.query.split("&")]
    written += [value for name, _, value in options if SENSITIVE.search(unquote(name))]
    written += [value for name, value in parse_qsl(parts.query) if SENSITIVE.search(name)]
    return {*written, *(unquote(text) for text in written)}
