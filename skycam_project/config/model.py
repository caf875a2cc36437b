"""What can be configured: each key with its default, its meaning, what is allowed and its name in the environment."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, Self

from pydantic import field_validator, model_validator
from pydantic.fields import FieldInfo

from core.outgoing import OutgoingGuard
from skycam_project.config.database import check_database_url
from skycam_project.config.keys import FOLDER, NAME, NAME_PATTERN, Key, Section, key
from skycam_project.config.live import LiveStreamingConfig
from skycam_project.config.network import NetworkConfig, outgoing_guard
from skycam_project.config.origins import Origins
from skycam_project.config.recording import RecordingConfig
from skycam_project.config.redis import check_redis_url
from skycam_project.config.sections import (
    CameraConfig,
    CliConfig,
    LoggingConfig,
    MonitoringConfig,
    SensorConfig,
    ServiceConfig,
    SiteConfig,
    StationConfig,
    SupervisionConfig,
    WebConfig,
)

VARIABLE = re.compile(r"\A[A-Za-z_][A-Za-z0-9_]*\Z")
NEVER_FOR_CAMERAS = re.compile(r"SECRET|PASSWORD|TOKEN|\ADATABASE_URL\Z|\AREDIS_URL\Z")


class Notice(NamedTuple):
    """A warning: the station runs, but somebody should know. `code` is its id among the system checks."""

    code: str
    text: str


class SkycamConfig(Section):
    data: Path = key(
        Path("skycam-data"), "Folder of database, logs, sockets and secret key.", FOLDER, unset="`./skycam-data`"
    )
    host: str = key("main", "Stable id of this machine among the station's.", NAME, pattern=NAME_PATTERN)
    station: StationConfig = StationConfig()
    database_url: str | None = key(
        None,
        "The database.",
        "sqlite:///FILE or postgresql://USER:PASSWORD@HOST:PORT/NAME",
        env="DATABASE_URL",
        secret=True,
        unset="`<data>/skycam.sqlite3`",
    )
    redis_url: str = key(
        "",
        "Broker, channel layer and live frames.",
        "redis://, rediss:// or unix://",
        env="REDIS_URL",
        secret=True,
        unset="the embedded Valkey",
    )
    camera_redis_url: str = key(
        "",
        "Where camera processes publish live pictures; its user needs no more than PUBLISH.",
        "redis://, rediss:// or unix://",
        env="CAMERA_REDIS_URL",
        secret=True,
        unset="a user of each camera's own, made in `redis_url`",
    )
    admin_password: str | None = key(
        None,
        "Password of the first user, `admin`.",
        "at least 8 characters",
        secret=True,
        unset="generated",
        min_length=8,
    )
    address_secret: str = key(
        "",
        "What passwords in cameras' addresses are encrypted with; the same on every host of a station.",
        "at least 32 characters without spaces",
        secret=True,
        unset="generated, kept in `<data>/address-secret`",
        pattern=r"^(\S{32,})?$",
    )
    storage_root: Path = key(None, "Where pictures go.", FOLDER, unset="`camera.image_path`, else `<data>/images`")
    video_path: Path | None = key(
        None, "Where clips go, when not beside the pictures.", FOLDER, env="VIDEO_PATH", unset="`storage_root`"
    )
    sources: list[Path] = key(
        None, "Folders whose files may serve as cameras.", "a list of folders", separator=":", unset="`<data>/sources`"
    )
    camera_environment: list[str] = key(
        [],
        "Further variables that pass to camera processes; never one that holds a secret.",
        "a list of variable names",
    )
    camera: CameraConfig = CameraConfig()
    sensor: SensorConfig = SensorConfig()
    monitoring: MonitoringConfig = MonitoringConfig()
    logging: LoggingConfig = LoggingConfig()
    web: WebConfig = WebConfig()
    service: ServiceConfig = ServiceConfig()
    cli: CliConfig = CliConfig()
    site: SiteConfig = SiteConfig()
    supervision: SupervisionConfig = SupervisionConfig()
    network: NetworkConfig = NetworkConfig()
    live_streaming_config: LiveStreamingConfig = LiveStreamingConfig()
    camera_config: RecordingConfig = RecordingConfig()

    _given: frozenset[Key] = frozenset()
    _origins: Origins = Origins()
    _notices: tuple[Notice, ...] = ()

    _database = field_validator("database_url")(check_database_url)
    _redis = field_validator("redis_url", "camera_redis_url")(check_redis_url)

    @field_validator("camera_environment")
    @classmethod
    def refuse_secret_variables(cls, names: list[str]) -> list[str]:
        if not all(VARIABLE.match(name) for name in names):
            raise ValueError
        if any(NEVER_FOR_CAMERAS.search(name.upper()) for name in names):
            raise ValueError("A camera process never gets secrets or addresses of database and broker; take them out.")
        return names

    @model_validator(mode="after")
    def ports_differ(self) -> Self:
        ports = [self.web.port, self.service.port, self.monitoring.prometheus.port]
        if len(set(ports)) < len(ports):
            raise ValueError("web.port, service.port and monitoring.prometheus.port must be three different ports.")
        return self

    def with_origin(self, origins: Mapping[Key, str], fixed: frozenset[Key], found: tuple[Notice, ...]) -> Self:
        """This configuration, knowing where somebody gave which key, which of them in `.env` or environment, and what
        there is to warn of."""
        self._given, self._origins, self._notices = frozenset(origins), Origins(origins, fixed), found
        return self

    @property
    def fixed(self) -> frozenset[Key]:
        """Keys that the environment or `.env` gives: nothing that is set on a page goes before them."""
        return self._origins.fixed

    def origin(self, where: Key) -> str:
        """Where a key was given: file, line and key, or the variable; `default` when nowhere."""
        return self._origins.where.get(where, "default")

    @property
    def secret_key(self) -> str:
        return self.web.secret_key

    @property
    def redis_embedded(self) -> bool:
        """Whether the launcher starts the broker itself."""
        return ("redis_url",) not in self._given

    @property
    def outgoing(self) -> OutgoingGuard:
        """What cameras' addresses, and all others that people give, may lead to."""
        return outgoing_guard(self)

    @property
    def camera_given(self) -> bool:
        """Whether somebody configured a camera (its port alone does not make one)."""
        return any(given[0] == "camera" and given != ("camera", "port") for given in self._given)

    @property
    def sensor_given(self) -> bool:
        return any(given[0] == "sensor" for given in self._given)

    @property
    def notices(self) -> tuple[Notice, ...]:
        return self._notices

    @property
    def warnings(self) -> list[str]:
        return [notice.text for notice in self._notices]


def iterate_keys(model: type[Section] = SkycamConfig, prefix: Key = ()) -> Iterator[tuple[Key, FieldInfo]]:
    """Every key that takes a value, in the order of the model."""
    for name, field in model.model_fields.items():
        section = section_of(field)
        if section is None:
            yield (*prefix, name), field
        else:
            yield from iterate_keys(section, (*prefix, name))


def section_of(field: FieldInfo) -> type[Section] | None:
    """The section that a key opens; None when it takes a value."""
    kind = field.annotation
    return kind if isinstance(kind, type) and issubclass(kind, Section) else None


def key_option(where: Key, name: str) -> Any:
    """What `key()` noted about the key at `where`: allowed, env, secret, separator, unset, dotenv."""
    extra = KEYS[where].json_schema_extra
    return extra[name] if isinstance(extra, dict) else None


def variable_of(where: Key) -> str:
    """The key's one name in the environment."""
    return str(key_option(where, "env")) or "SKYCAM_" + "__".join(where).upper()


KEYS: dict[Key, FieldInfo] = dict(iterate_keys())
VARIABLES: dict[str, Key] = {variable_of(where): where for where in KEYS}
DOTENV_VARIABLES: dict[str, Key] = {
    str(key_option(where, "dotenv")): where for where in KEYS if key_option(where, "dotenv")
}
"""Names that count in a `.env` alone."""
