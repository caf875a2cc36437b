"""What a new camera host gets of this station's configuration, and what keeps another machine from using it."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from django.conf import settings

from core.station_settings import SECTIONS
from skycam_project.config import SkycamConfig
from skycam_project.config.database import is_local_server, postgresql
from skycam_project.config.keys import Key
from skycam_project.config.model import variable_of
from skycam_project.config.network import is_everywhere, is_loopback
from skycam_project.config.writing import value_at
from skycam_project.hosts.exchange import SharedConfiguration
from skycam_project.hosts.join_line import MAX_URLS, check_url
from skycam_project.hosts.shared_keys import (
    BROKER,
    DATABASE,
    EQUAL,
    FILE_OPTIONS,
    IF_SET,
    NO_FILES,
    PLACEHOLDER,
    with_options,
)

MAX_FILE_BYTES = 100_000
PAGE = "docs/station/several-hosts.md"


class NotShareable(Exception):
    """Another machine could not use the station as it is configured. Each of `problems` is a sentence that says what to
    set."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__(" ".join(problems))
        self.problems = problems


def shared_configuration(host: str, instead: Mapping[str, str]) -> SharedConfiguration:
    """What the machine `host` gets. `instead`: URLs of database and broker, by their variables, where it must use
    others than this machine. NotShareable when a file cannot be read."""
    config: SkycamConfig = settings.STATION
    found = {key: str(value_at(config, key)) for key in (*EQUAL, *_set_keys(config))}
    files: dict[str, str] = {}
    for key in FILE_OPTIONS:
        if url := instead.get(variable_of(key)) or _own_url(config, key):
            found[key] = _with_files(key, url, files)
    found |= {("role",): "camera-host", ("host",): host}
    variables = {variable_of(key): text for key, text in found.items()}
    return SharedConfiguration(host=host, variables=variables, files=files, notes=list(_notes(config)))


def _set_keys(config: SkycamConfig) -> list[Key]:
    """The site too: a new host most often stands where this one does."""
    return [key for key in config.origins if key in IF_SET or key[0] == "site"]


def _own_url(config: SkycamConfig, key: Key) -> str:
    # Not the value of the completed configuration: without a server of its own it names the embedded one.
    return str(value_at(config, key) or "") if key in config.origins else ""


def _with_files(key: Key, url: str, files: dict[str, str]) -> str:
    """The URL with placeholders for the files that it names, which are read into `files`."""
    parts = urlsplit(url)
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    for option in FILE_OPTIONS[key]:
        if (path := options.get(option, "")) not in NO_FILES:
            name = f"{key[0].removesuffix('_url')}-{option}.pem"
            files[name] = base64.b64encode(_read_file(key, option, Path(path))).decode()
            options[option] = PLACEHOLDER + name
    return with_options(parts, options)


def _read_file(key: Key, option: str, path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise NotShareable([f"{path}, which {variable_of(key)} names as {option}, cannot be read: {error}."]) from None
    if len(content) > MAX_FILE_BYTES:
        raise NotShareable([f"{path}, which {variable_of(key)} names as {option}, is larger than a certificate."])
    return content


def _notes(config: SkycamConfig) -> Iterator[str]:
    """Keys that are equal on all hosts when the page sets them, but not when this machine's file does."""
    names = sorted(".".join(key) for key in config.origins if key[0] in SECTIONS and key[0] not in {"station", "site"})
    if names:
        yield (
            f"The main machine sets {', '.join(names)} in its own configuration, which this host does not get. "
            "Set it on the page Settings, which all hosts follow, or in this host's .env."
        )


def check_shareable(instead: Mapping[str, str]) -> None:
    """NotShareable unless another machine can use this station's database and broker, as far as that can be known
    here. What `instead` names is not judged: it may lead through a tunnel."""
    problems = [*_database_problems(instead), *_broker_problems(instead)]
    if problems:
        raise NotShareable(problems)
    shared_configuration("", instead)


def _database_problems(instead: Mapping[str, str]) -> Iterator[str]:
    if variable_of(DATABASE) in instead:
        return
    url = settings.STATION.database_url or "sqlite:"
    if url.startswith("sqlite:"):
        yield (
            "The database of this station is a SQLite file, which only this machine can open. Move it to PostgreSQL "
            f"first: `skycam database move URL` ({PAGE})."
        )
    elif is_local_server(str(postgresql(url)["HOST"])):
        yield (
            "DATABASE_URL names a server that only this machine reaches. Say what the new machine uses: "
            "--database-url postgresql://USER:PASSWORD@ADDRESS/NAME."
        )


def _broker_problems(instead: Mapping[str, str]) -> Iterator[str]:
    if variable_of(BROKER) in instead:
        return
    config: SkycamConfig = settings.STATION
    if config.redis_embedded:
        yield (
            "This station uses its embedded Valkey, which only this machine reaches. Set REDIS_URL to a Redis or "
            f"Valkey with TLS and a password: {PAGE}."
        )
    elif is_local_server(urlsplit(config.redis_url).hostname or ""):
        yield (
            "REDIS_URL names a server that only this machine reaches. Say what the new machine uses: "
            "--redis-url rediss://:PASSWORD@ADDRESS:6379/0."
        )


def web_urls(given: str = "") -> tuple[str, ...]:
    """Where the new machine may reach this station's web: `given`, else `web.public_url`, else the machine's own
    addresses. NotShareable when it listens on loopback only."""
    web = settings.STATION.web
    try:
        if given or web.public_url:
            return (check_url(given or web.public_url),)
    except ValueError as error:
        raise NotShareable([str(error)]) from None
    if is_loopback(web.host):
        message = (
            "The web server of this station listens on loopback only, so a new machine cannot ask it. Set "
            f"SKYCAM_WEB__HOST, or web.public_url behind a proxy ({PAGE}), or say where it is reached: --url URL."
        )
        raise NotShareable([message])
    hosts = _own_addresses() if is_everywhere(web.host) else [web.host]
    return tuple(f"http://{_bracketed(host)}:{web.port}" for host in hosts[:MAX_URLS])


def _own_addresses() -> list[str]:
    """IPv4 before IPv6, without loopback and link-local addresses."""
    import ipaddress

    import psutil

    found: list[Any] = []
    for places in psutil.net_if_addrs().values():
        for place in places:
            try:
                address = ipaddress.ip_address(place.address.partition("%")[0])
            except ValueError:
                continue  # the address of a card, not of the Internet protocol
            if not (address.is_loopback or address.is_link_local):
                found.append(address)
    return [str(address) for address in sorted(found, key=lambda address: (address.version, int(address)))]


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
