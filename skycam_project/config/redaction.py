"""Secrets in values of the configuration: which texts are secrets, values with secrets replaced, and written
configurations, in which each secret becomes a reference `${NAME}` to a variable."""

from __future__ import annotations

import re
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit

from cameras.drivers.credentials import REDACTED as REDACTED_SECRET
from cameras.drivers.credentials import address_secrets, redact_address
from monitoring.sensors.driver import SENSORS, driver_class
from skycam_project.config.gates import header_secrets
from skycam_project.config.keys import Key, Section
from skycam_project.config.model import ITEM_LISTS, SkycamConfig, field_option, key_option

if TYPE_CHECKING:
    from core.resources.resource import Resource

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
    urls = [url for url in (config.database_url, config.redis_url, config.camera_redis_url, *gates) if url]
    found = {
        config.web.secret_key,
        config.address_secret,
        config.admin_password or "",
        config.service.token,
        config.monitoring.dead_man_switch.url,
        *header_secrets(config.gates),
        *(text for name in ITEM_LISTS for item in getattr(config, name) for text in item.secrets()),
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


OTHER_SIGNS = re.compile(r"[^A-Z0-9]+")
PLAIN_NAME = re.compile(r"[a-z0-9-]+")
LITERAL = "${"
ESCAPED_OR_REFERENCE = re.compile(r"\$\$\{|\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
"""As in `skycam_project.config.document`, which needs PyYAML."""


def escape_references(value: Any) -> Any:
    """The value with `${` escaped, so that it is read back unchanged."""
    if isinstance(value, list):
        return [escape_references(part) for part in value]
    if isinstance(value, dict):
        return {name: escape_references(part) for name, part in value.items()}
    return value.replace(LITERAL, "$${") if isinstance(value, str) else value


def address_with_references(camera: str, address: str) -> str:
    """The address, complete or redacted, with a reference in place of each of its secrets, and otherwise escaped."""
    redacted = redact_address(address)
    # Counted where they are recognised: `fill_secrets` refuses an address with any other ***.
    names = [address_variable(camera, number) for number in range(1, len(address_secrets(redacted)) + 1)]
    text, *rest = escape_references(redacted).split(REDACTED_SECRET)
    return "".join([text, *(f"${{{name}}}{part}" for name, part in zip(names, rest, strict=False))])


def address_variable(camera: str, number: int) -> str:
    """`PASSWORD_OF_GATE`, `PASSWORD_2_OF_GATE`. Not with a prefix of Skycam's own variables, which are all known."""
    count = "" if number == 1 else f"{number}_"
    return f"PASSWORD_{count}OF_{camera.upper().replace('-', '_')}"


def written_gate(gate: dict[str, Any]) -> dict[str, Any]:
    """A gate as it was written, with references in place of the secrets of its source."""
    source = gate.get("source")
    if not isinstance(source, dict):
        return gate
    name, hidden = str(gate.get("name", "")), dict(source)
    if isinstance(headers := source.get("headers"), dict):
        hidden["headers"] = {
            header: text if is_reference(text) else _reference("GATE", name, header) for header, text in headers.items()
        }
    # Without its references: the rest may have a secret that was written out.
    if isinstance(url := source.get("http"), str) and has_secret(ESCAPED_OR_REFERENCE.sub("", url)):
        hidden["http"] = _reference("GATE", name, "HTTP")
    return {**gate, "source": hidden}


def has_secret(url: str) -> bool:
    return bool(address_secrets(url)) or any(passwords_in(url))


def is_reference(text: Any) -> bool:
    """Whether a header has its secret in a variable: `${TOKEN}`, or `Bearer ${TOKEN}`."""
    scheme, _, value = str(text).rpartition(" ")
    found = ESCAPED_OR_REFERENCE.fullmatch(value)
    return found is not None and found[1] is not None and (not scheme or scheme.isalpha())


def written_camera(camera: dict[str, Any]) -> dict[str, Any]:
    """An item of the list `cameras` as it was written, without the secrets of its address."""
    address = camera.get("address")
    if not isinstance(address, str) or not has_secret(ESCAPED_OR_REFERENCE.sub("", address)):
        return camera
    if LITERAL in address:
        return {**camera, "address": _reference("ADDRESS_OF", str(camera.get("id", "")))}
    return {**camera, "address": address_with_references(str(camera.get("id", "")), address)}


def written_sensor(sensor: dict[str, Any]) -> dict[str, Any]:
    """An item of the list `sensors` as it was written, without its secrets."""
    kind, given = str(sensor.get("type", "")), sensor.get("settings")
    if kind not in SENSORS or not isinstance(given, dict):
        return sensor
    secrets = [name for name in driver_class(kind).settings_model.secret_fields() if given.get(name)]
    hidden = {
        name: given[name] if is_reference(given[name]) else sensor_reference(str(sensor.get("name", "")), name)
        for name in secrets
    }
    return {**sensor, "settings": {**given, **hidden}} if hidden else sensor


def written_item(resource: Resource, item: Mapping[str, Any]) -> dict[str, Any]:
    """An item as it was written, without the secrets among its settings."""
    given = item.get("settings")
    if not isinstance(given, dict):
        return dict(item)
    hidden = {
        name: given[name]
        if is_reference(given[name])
        else setting_reference(resource.noun, str(item.get("name", "")), name)
        for name in secret_settings(resource, str(item.get("type", "")))
        if given.get(name)
    }
    return {**item, "settings": {**given, **hidden}} if hidden else dict(item)


def secret_settings(resource: Resource, kind: str) -> list[str]:
    """Nothing for a kind that does not exist."""
    if kind not in resource.kind_table:
        return []
    found: Any = resource.settings_model(kind)
    names: list[str] = found.secret_fields()
    return names


def setting_reference(noun: str, name: str, setting: str) -> str:
    """`${CHANNEL_MODEM_PASSWORD}`. A name with other signs gets a hash: two may differ in nothing else."""
    plain = PLAIN_NAME.fullmatch(name) is not None
    return _reference(noun, name, *([] if plain else [sha256(name.encode()).hexdigest()[:6]]), setting)


def sensor_reference(sensor: str, setting: str) -> str:
    """`${PASSWORD_OF_ROOF}`."""
    return _reference(setting, "OF", sensor)


def _reference(*parts: str) -> str:
    return f"${{{'_'.join(OTHER_SIGNS.sub('_', part.upper()) for part in parts)}}}"
