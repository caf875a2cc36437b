"""Merges the layers into one validated `SkycamConfig`. A `ConfigFile` is a YAML file by itself: validated, with the
place of each of its values, and without the station's other layers. Warnings about a configuration that works have
the ids of system checks as codes."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from core import database_move
from skycam_project.config import database, folder
from skycam_project.config.database import socket_url
from skycam_project.config.folder import ConfigError
from skycam_project.config.keys import Key, Section
from skycam_project.config.layers import CONFIG_VARIABLE, GivenValue, Layer, merge_layers, read_dotenv, read_environment
from skycam_project.config.model import KEYS, Notice, SkycamConfig, fields_of, items_section, key_option, section_of
from skycam_project.config.network import is_loopback
from skycam_project.config.redaction import redacted
from skycam_project.config.sections import LoggingConfig
from skycam_project.config.writing import nest_keys, value_at

SHORT_SECRET = 32


def notices(config: SkycamConfig) -> Iterator[Notice]:
    web = config.web
    if not is_loopback(web.host) and not web.tls:
        yield Notice(
            "W001",
            f"The web server listens on {web.host} without TLS: passwords and pictures can be read on the network. "
            "Put a TLS proxy in front and set web.tls, or set web.host to 127.0.0.1.",
        )
    service = config.service
    if service.enabled and service.listens_on != service.host:
        yield Notice(
            "W006",
            f"The PixeLink service listens only on {service.listens_on}, not on {service.host}, because no token is "
            "set. Set SERVICE_TOKEN; clients must then send it.",
        )
    prometheus = config.monitoring.prometheus
    if prometheus.enabled and prometheus.listens_on != prometheus.host:
        yield Notice(
            "W007",
            f"Metrics are served only on {prometheus.listens_on}, not on {prometheus.host}, because no token is set. "
            "Set PROMETHEUS_TOKEN; Prometheus must then send it.",
        )
    if config.logging.file and not may_write(config.logging):
        yield Notice(
            "W002",
            f"The log file {config.logging.file} cannot be written, or cannot be rotated in its folder. "
            "The log is written to <data>/logs/skycam.log instead.",
        )
    if web.debug and not is_loopback(web.host):
        yield Notice(
            "W003", f"web.debug is ignored, because the web server listens on {web.host}, not only on loopback."
        )
    if 0 < len(web.secret_key) < SHORT_SECRET:
        yield Notice(
            "W004",
            f"DJANGO_SECRET_KEY is shorter than {SHORT_SECRET} characters and may be guessed. "
            "Unset it: the station then generates and stores a strong one.",
        )


def ignored_dotenv(read: Path) -> Notice:
    return Notice(
        "W005", f"The .env in the current folder is not read. With a YAML file, {read} is read. Move it there."
    )


def overridden_by_dotenv(dotenv: Path, document: Path, keys: Iterable[Key]) -> Notice:
    names = ", ".join(".".join(key) for key in keys)
    return Notice(
        "W008",
        f"{dotenv} counts and {document} does not, where both set a key: {names}. Set each of them in one of the two.",
    )


DOTENV_CODES = frozenset({"W005", "W008"})
"""The notices about a file `.env`, which `skycam up` prints."""


def may_write(log: LoggingConfig) -> bool:
    """Whether this user can write or create the log file and, if rotated logs are kept, rename it in its folder."""
    folder_is_open = os.access(log.file.parent, os.W_OK | os.X_OK)
    if log.backup_count > 0 and not folder_is_open:
        return False
    return os.access(log.file, os.W_OK) if os.path.exists(log.file) else folder_is_open


RANDOM_NAME = re.compile(r"[0-9a-f]{12,64}")


def load_config(path: Path | str | None = None, *, create: bool = True) -> SkycamConfig:
    """The configuration with the YAML file `path`, else SKYCAM_CONFIG, else none. ConfigError lists all problems.

    Creates the data folder, unless `create` is False: then a missing one raises NoStation.
    """
    return ConfigManager(path, create=create).config


def choose_config(path: Path | str) -> None:
    """Make `path` the YAML file of this process, of Django's settings and of all children."""
    os.environ[CONFIG_VARIABLE] = os.path.abspath(path)


class ConfigManager:
    """Loads the configuration and remembers where each value came from.

    `path` is the YAML file. `.env` is read from its folder, or from the current folder when there is no YAML file.
    `environment` and `here` replace the process's environment and current folder. Without `complete`, `config` lacks
    what depends on the data folder, which is neither read nor created.
    """

    def __init__(
        self,
        path: Path | str | None = None,
        *,
        environment: Mapping[str, str] | None = None,
        here: Path | None = None,
        create: bool = True,
        complete: bool = True,
    ) -> None:
        self.environment = os.environ if environment is None else environment
        self.here = here or Path.cwd()
        chosen = path or self.environment.get(CONFIG_VARIABLE) or None
        self.path = Path(os.path.abspath(self.here / os.path.expanduser(chosen))) if chosen else None
        self.dotenv = (self.path.parent if self.path else self.here) / ".env"
        layer = self._read()
        self.given = {key: resolve_paths(key, given) for key, given in layer.values.items()}
        # Validated first: an invalid configuration creates no data folder.
        valid = validate(self.given, layer.problems)
        self.config = self._completed(valid, create=create) if complete else valid

    def _read(self) -> Layer:
        """Read YAML, `.env` and the environment, in rising precedence. Keys of the last two are `fixed`, and the site
        of the YAML file."""
        dotenv, variables = read_dotenv(self.dotenv) if self.dotenv.is_file() else (Layer(), {})
        document = read_yaml(self.path, {**variables, **self.environment}) if self.path else Layer()
        environment = read_environment(self.environment, self.here)
        site = [key for key in document.values if key[0] == "site"]
        self.fixed = frozenset([*dotenv.values, *environment.values, *site])
        self._in_both = [key for key in document.values if key in dotenv.values]
        return merge_layers([document, dotenv, environment])

    def _completed(self, config: SkycamConfig, *, create: bool) -> SkycamConfig:
        """Create the data folder and fill in the values that depend on it."""
        data = (self.here / config.data).resolve()
        folder.prepare(data, create=create)
        log = config.logging.file
        log = log if log and may_write(config.logging) else data / "logs" / "skycam.log"
        complete = config.model_copy(
            update={
                "data": data,
                "database_url": moved_database_url(config.database_url, data),
                "station": config.station.model_copy(
                    update={
                        "id": config.station.id or folder.station_id(data),
                        "name": config.station.name or machine_name(),
                    }
                ),
                "redis_url": config.redis_url or embedded_redis_url(data),
                "storage_root": config.storage_root or config.camera.image_path or data / "images",
                "address_secret": config.address_secret or folder.address_secret(data),
                "sources": [data / "sources"] if config.sources is None else config.sources,
                "logging": config.logging.model_copy(update={"file": log}),
                "web": config.web.model_copy(update={"secret_key": config.web.secret_key or folder.secret_key(data)}),
            }
        )
        apart = [*self._dotenv_notices()]
        origins = {key: given.where for key, given in self.given.items()}
        return complete.with_origin(origins, self.fixed, (*notices(config), *apart), written_lists(self.given))

    def _dotenv_notices(self) -> Iterator[Notice]:
        if self._another_dotenv_is_here():
            yield ignored_dotenv(self.dotenv)
        if self.path and self._in_both:
            yield overridden_by_dotenv(self.dotenv, self.path, self._in_both)

    def _another_dotenv_is_here(self) -> bool:
        """Whether the current folder has a `.env` with Skycam's variables, valid or not, that is not read."""
        other = self.here / ".env"
        if self.dotenv.parent == self.here or not other.is_file():
            return False
        found = read_dotenv(other)[0]
        return bool(found.values or found.problems)

    def show(self) -> dict[str, Any]:
        """The whole configuration as JSON takes it, with secrets redacted."""
        return nest_keys({key: redacted(key, value_at(self.config, key)) for key in KEYS})

    def origin(self, key: Key) -> str:
        """Where the value of `key` was set: file, line and key, or the variable; `default` when nowhere."""
        return self.config.origin(key)

    def write(self, path: Path) -> None:
        """Write the values that were set as YAML, with mode 0600. A secret becomes `${ITS_VARIABLE}`."""
        self.config.to_yaml(path)


def moved_database_url(url: str | None, data: Path) -> str | None:
    """The URL of the configuration, or that of the server to which the SQLite file of the configuration was moved.
    ConfigError."""
    try:
        chosen = database.django_database(url, data)
        if not chosen["ENGINE"].endswith("sqlite3"):
            return url
        moved = database_move.moved_url(data, Path(chosen["NAME"]))
        return url if moved is None else database.check_database_url(moved)
    except (OSError, ValueError) as error:
        raise ConfigError(str(error)) from None


def embedded_redis_url(data: Path) -> str:
    return socket_url(folder.socket_path(data, "valkey"), folder.broker_password(data))


def machine_name() -> str:
    """The host name without its domain; `Skycam` for localhost and for the random id of a container."""
    name = socket.gethostname().partition(".")[0]
    return "Skycam" if name in {"", "localhost"} or RANDOM_NAME.fullmatch(name) else name


def read_yaml(path: Path, variables: Mapping[str, str]) -> Layer:
    from skycam_project.config.document import read_document  # importing PyYAML is slow and often not needed

    return read_document(path, variables)


def written_lists(given: Mapping[Key, GivenValue]) -> dict[Key, Any]:
    """The lists of sections as they were written, with their references to variables."""
    return {key: found.written for key, found in given.items() if found.written is not None}


def resolve_paths(key: Key, given: GivenValue) -> GivenValue:
    """The value with relative paths made absolute from the folder of the file that holds them."""
    if key == ("database_url",) and isinstance(given.value, str):
        return replace(given, value=database.resolve_sqlite_path(given.value, given.base))
    if (model := items_section(KEYS[key])) is not None and isinstance(given.value, list):
        written = [resolve_item(model, item, given.base) for item in given.written or ()]
        resolved = [resolve_item(model, item, given.base) for item in given.value]
        return replace(given, value=resolved, written=written or None)
    if "Path" not in str(KEYS[key].annotation):
        return given
    if isinstance(given.value, list):
        return replace(given, value=[absolute_path(part, given.base) for part in given.value])
    return replace(given, value=absolute_path(given.value, given.base))


def resolve_item(model: type[Section], item: Any, base: Path) -> Any:
    """As `resolve_paths`, for an item of a list of sections."""
    if not isinstance(item, dict):
        return item
    resolved = dict(item)
    for name, field in fields_of(model).items():
        if (section := section_of(field)) is not None and name in item:
            resolved[name] = resolve_item(section, item[name], base)
        elif "Path" in str(field.annotation) and name in item and not str(item[name]).startswith("${"):
            resolved[name] = absolute_path(item[name], base)
    return resolved


def absolute_path(value: Any, base: Path) -> Any:
    """An absolute path; None for an empty text."""
    if not isinstance(value, str):
        return value
    # `base / ""` would be the folder of the file.
    return os.path.abspath(base / os.path.expanduser(value)) if value else None


def validate(given: Mapping[Key, GivenValue], problems: list[str]) -> SkycamConfig:
    """The validated configuration. Raises ConfigError with `problems` and one sentence for each invalid value."""
    values = nest_keys({key: found.value for key, found in given.items()})
    try:
        config = SkycamConfig.model_validate(values)
    except ValidationError as error:
        # Each once: pydantic reports every invalid item of a list, and all of them lead to the list's sentence.
        raise ConfigError([*problems, *dict.fromkeys(error_sentences(error.errors(), given))]) from None
    if problems:
        raise ConfigError(problems)
    return config


def error_sentences(errors: list[ErrorDetails], given: Mapping[Key, GivenValue]) -> Iterator[str]:
    """For each invalid value: file, line, key, the value and what is allowed."""
    for item in errors:
        loc = item["loc"]
        # A validator of a section reports the section, whose first given key then says file and line. A validator of
        # the whole model reports no location.
        key = next((key for key in given if key == loc[: len(key)] or (loc and key[: len(loc)] == loc)), None)
        # Empty for a ValueError without text: then the key's `allowed` is the message.
        own = str(item.get("ctx", {}).get("error", "")) if item["type"] == "value_error" else ""
        if key is None:
            yield own
        elif given[key].parts:
            yield part_sentence(given[key], item, own)
        else:
            found = given[key]
            yield f"{found.where}: " + (
                own or f"{found.shown} is not allowed; allowed is {key_option(key, 'allowed')}."
            )


def part_sentence(given: GivenValue, item: ErrorDetails, own: str) -> str:
    """As `error_sentences`, for a value inside a list of sections."""
    loc = tuple(str(name + 1) if isinstance(name, int) else name for name in item["loc"])
    key = max((key for key in given.parts if key == loc[: len(key)]), key=len, default=None)
    if key is None:
        return f"{given.where}: {own}"
    part = given.parts[key]
    if item["type"] == "missing":
        return f"{part.where}: {loc[-1]} is missing."
    return f"{part.where}: " + (own or f"{part.shown} is not allowed; allowed is {part.allowed}.")


@dataclass(frozen=True)
class ConfigFile:
    path: Path
    config: SkycamConfig
    """The values of the file over the defaults. Values that depend on the data folder are not filled in."""
    given: Mapping[Key, GivenValue]

    def place_of(self, list_name: str, number: int, *keys: str) -> str:
        """File, line and key of a value in a list of sections, or of the closest one around it. Items are counted from
        1."""
        parts = self.given[(list_name,)].parts
        key: Key = (list_name, str(number), *keys)
        while len(key) > 1 and key not in parts:
            key = key[:-1]
        return parts[key].where if key in parts else self.given[(list_name,)].where


def read_config_file(path: Path | str, environment: Mapping[str, str] | None = None) -> ConfigFile:
    """The file, with `${NAME}` replaced from `environment`, else from the `.env` beside the file. ConfigError lists all
    problems. Nothing is created."""
    file = Path(os.path.abspath(os.path.expanduser(path)))
    variables = os.environ if environment is None else environment
    dotenv = file.parent / ".env"
    _, more = read_dotenv(dotenv) if dotenv.is_file() else (Layer(), {})
    layer = read_yaml(file, {**more, **variables})
    given = {key: resolve_paths(key, value) for key, value in layer.values.items()}
    config = validate(given, layer.problems)
    origins = {key: value.where for key, value in given.items()}
    return ConfigFile(file, config.with_origin(origins, frozenset(), (), written_lists(given)), given)


def config_from_yaml(path: Path | str) -> SkycamConfig:
    return read_config_file(path).config
