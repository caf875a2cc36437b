"""The configuration's model: each key with its default, meaning, allowed values and environment variable."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple, Self, get_args, get_origin

from pydantic import create_model, field_validator, model_validator
from pydantic.fields import FieldInfo

from captures.paths import DEFAULT_TEMPLATE, FIELDS_TEXT, check_template
from core.outgoing import OutgoingGuard
from core.registry import resolve
from core.text.names import NAME_PATTERN
from skycam_project.config.database import check_database_url, check_redis_url, django_database, plain_problem
from skycam_project.config.gates import GateConfig, check_names
from skycam_project.config.keys import FOLDER, NAME, ItemsOf, Key, Origins, Section, key
from skycam_project.config.live import LiveStreamingConfig
from skycam_project.config.network import NetworkConfig, outgoing_guard
from skycam_project.config.recording import ArchiveConfig, AutoRecordingConfig, RecordingConfig, RetentionConfig
from skycam_project.config.sections import (
    BackupConfig,
    CameraConfig,
    CliConfig,
    DatabaseConfig,
    LoggingConfig,
    MonitoringConfig,
    SensorConfig,
    ServiceConfig,
    SiteConfig,
    StationConfig,
    SupervisionConfig,
)
from skycam_project.config.telescopes import TelescopeConfig, check_telescopes
from skycam_project.config.web import FilesConfig, WebConfig
from skycam_project.resources import IN_FILE

FIRST_CAMERA = "dslr"
"""Id of the camera that the first start creates from the section `camera`."""
FIRST_SENSOR = "main"
"""Name of the sensor that the first start creates from the section `sensor`."""
FROM_YAML = "skycam_project.config.manager.config_from_yaml"
TO_YAML = "skycam_project.config.writing.write_config"
VARIABLE = re.compile(r"\A[A-Za-z_][A-Za-z0-9_]*\Z")
# By name, because the values of other programs' variables are unknown here.
NEVER_FOR_CAMERAS = re.compile(r"SECRET|PASSWORD|TOKEN|\ADATABASE_URL\Z|\AREDIS_URL\Z")


class Notice(NamedTuple):
    """A warning about a configuration that works. `code` is its id among the system checks."""

    code: str
    text: str


class HostKeys(Section):
    """Keys that are in no section."""

    data: Path = key(
        Path("skycam-data"), "Folder of the database, logs, sockets and secret key.", FOLDER, unset="`./skycam-data`"
    )
    host: str = key("main", "Stable id of this machine within the station.", NAME, pattern=NAME_PATTERN)
    role: Literal["station", "camera-host"] = key(
        "station",
        "What a plain `skycam up` starts here: the whole station, or only what a camera host of another machine's "
        "station needs. `skycam join` sets it.",
        "station or camera-host",
    )
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
        "Broker, notices and live frames.",
        "redis://, rediss:// or unix://",
        env="REDIS_URL",
        secret=True,
        unset="the embedded Valkey",
    )
    camera_redis_url: str = key(
        "",
        "Broker to which camera processes publish live pictures. Its user needs only PUBLISH.",
        "redis://, rediss:// or unix://",
        env="CAMERA_REDIS_URL",
        secret=True,
        unset="one user per camera, created in `redis_url`",
    )
    admin_password: str | None = key(
        None,
        "Password of the first user, `admin`.",
        "8 to 1000 characters",
        secret=True,
        unset="generated",
        min_length=8,
        max_length=1000,
    )
    address_secret: str = key(
        "",
        "Secret that encrypts all stored secrets. It must be the same on every host of a station.",
        "at least 32 characters without spaces",
        secret=True,
        unset="generated, stored in `<data>/address-secret`",
        pattern=r"^(\S{32,})?$",
    )
    storage_root: Path = key(
        None, "Folder where pictures are stored.", FOLDER, unset="`camera.image_path`, else `<data>/images`"
    )
    video_path: Path | None = key(
        None, "Folder where clips are stored.", FOLDER, env="VIDEO_PATH", unset="`storage_root`"
    )
    file_names: str = key(
        DEFAULT_TEMPLATE,
        "Template of the names of picture files (docs/station/storage.md#names-of-files).",
        f"the fields {FIELDS_TEXT}, among them {{id}} or {{id12}}, with letters, digits and . _ - between them",
    )
    sources: list[Path] = key(
        None,
        "Folders whose files may be used as cameras.",
        "a list of folders",
        separator=":",
        unset="`<data>/sources`",
    )
    offsite_roots: list[Path] = key(
        [Path("/mnt"), Path("/media")],
        "Folders in which a folder for off-site copies may be (docs/station/offsite.md).",
        "a list of folders",
        separator=":",
        unset="`/mnt` and `/media`",
    )
    camera_environment: list[str] = key(
        [],
        "Additional environment variables passed to camera processes. Variables that hold secrets are refused.",
        "a list of variable names",
    )
    gates: list[GateConfig] = key(
        [],
        "Conditions under which the sessions of this host's cameras take captures (docs/operating/gates.md).",
        "a list of gates",
    )
    telescopes: list[TelescopeConfig] = key(
        [],
        "Telescopes on which this host's telescope cameras stand (docs/cameras/telescope-status.md).",
        "a list of telescopes",
    )


def list_key(name: str) -> tuple[Any, Any]:
    """The key of a list that `skycam config apply` stores."""
    items, noun = name.replace("_", " "), name.rpartition("_")[2]
    about = key([], f"{items.capitalize()} that `skycam config apply` adds and changes (below).", f"a list of {noun}")
    return Annotated[list[Any], ItemsOf(name)], about


ITEM_LISTS = ("cameras", "sensors", "schedules", *IN_FILE)
if TYPE_CHECKING:

    class ListKeys(HostKeys):
        cameras: list[Any]
        sensors: list[Any]
else:
    ListKeys = create_model("ListKeys", __base__=HostKeys, **{name: list_key(name) for name in ITEM_LISTS})


class SkycamConfig(ListKeys):
    """The whole file."""

    camera: CameraConfig = CameraConfig()
    sensor: SensorConfig = SensorConfig()
    monitoring: MonitoringConfig = MonitoringConfig()
    logging: LoggingConfig = LoggingConfig()
    web: WebConfig = WebConfig()
    files: FilesConfig = FilesConfig()
    service: ServiceConfig = ServiceConfig()
    cli: CliConfig = CliConfig()
    site: SiteConfig = SiteConfig()
    supervision: SupervisionConfig = SupervisionConfig()
    network: NetworkConfig = NetworkConfig()
    live_streaming_config: LiveStreamingConfig = LiveStreamingConfig()
    camera_config: RecordingConfig = RecordingConfig()
    auto_recording_config: AutoRecordingConfig = AutoRecordingConfig()
    archive_config: ArchiveConfig = ArchiveConfig()
    retention: RetentionConfig = RetentionConfig()
    database: DatabaseConfig = DatabaseConfig()
    backup: BackupConfig = BackupConfig()

    # pydantic compares private attributes too, so `Origins` excludes its own from ==.
    _given: frozenset[Key] = frozenset()
    _origins: Origins = Origins()
    _notices: tuple[Notice, ...] = ()

    _database = field_validator("database_url")(check_database_url)
    _file_names = field_validator("file_names")(check_template)
    _gates = field_validator("gates")(check_names)
    _telescopes = field_validator("telescopes")(check_telescopes)
    _redis = field_validator("redis_url", "camera_redis_url")(check_redis_url)

    @field_validator("camera_environment")
    @classmethod
    def refuse_secret_variables(cls, names: list[str]) -> list[str]:
        if not all(VARIABLE.match(name) for name in names):
            raise ValueError
        if any(NEVER_FOR_CAMERAS.search(name.upper()) for name in names):
            raise ValueError(
                "Camera processes must not get secrets or the URLs of database and broker; remove these variables."
            )
        return names

    @model_validator(mode="after")
    def ports_differ(self) -> Self:
        if len(set(self.ports)) < len(self.ports):
            raise ValueError(
                "web.port, service.port, files.port and monitoring.prometheus.port must be four different ports."
            )
        return self

    @model_validator(mode="after")
    def database_has_tls(self) -> Self:
        if not self.database.allow_plain and (problem := plain_problem(self.database_url)):
            raise ValueError(problem)
        return self

    @model_validator(mode="after")
    def camera_host_shares_database_and_broker(self) -> Self:
        if self.role == "camera-host" and not (self.database_url and self.redis_url):
            raise ValueError(
                "role is camera-host, so DATABASE_URL and REDIS_URL must name the servers of the station. "
                "`skycam join` sets them; or remove role."
            )
        return self

    @model_validator(mode="after")
    def one_description_of_the_first_rows(self) -> Self:
        if "type" in self.camera.model_fields_set and any(camera.id == FIRST_CAMERA for camera in self.cameras):
            raise ValueError(
                f"The camera {FIRST_CAMERA} is described twice, by camera.type and by the list cameras. Remove "
                "camera.type and camera.port; the defaults of sessions may stay in the section camera."
            )
        if "type" in self.sensor.model_fields_set and any(sensor.name == FIRST_SENSOR for sensor in self.sensors):
            raise ValueError(
                f"The sensor {FIRST_SENSOR} is described twice, by sensor.type and by the list sensors. Remove "
                "sensor.type and sensor.port."
            )
        return self

    @classmethod
    def from_yaml(cls, path: Path | str) -> Self:
        """The values of a YAML file over the defaults. Neither `.env` nor the environment overrides them, and no data
        folder is created. ConfigError."""
        # By its path: reading files imports this module.
        found: Self = resolve(FROM_YAML)(path)
        return found

    def to_yaml(self, path: Path) -> None:
        """Write the values that were set, with mode 0600. A secret becomes `${ITS_VARIABLE}`."""
        resolve(TO_YAML)(self, path)

    def with_origin(
        self,
        origins: Mapping[Key, str],
        fixed: frozenset[Key],
        found: tuple[Notice, ...],
        written: Mapping[Key, Any] | None = None,
    ) -> Self:
        """This configuration with the origin of each key that was set, the keys that are fixed,
        the warnings, and the lists of sections as they were written."""
        # `frozen` does not cover private attributes.
        self._given, self._origins, self._notices = frozenset(origins), Origins(origins, fixed, written or {}), found
        return self

    @property
    def written_lists(self) -> Mapping[Key, Any]:
        """The lists of sections as they were written, with their references to variables."""
        return self._origins.written_lists

    @property
    def origins(self) -> Mapping[Key, str]:
        """Where each key was set; a key that has its default is not listed."""
        return self._origins.where

    @property
    def fixed(self) -> frozenset[Key]:
        """Keys that override what is set on a page: those that the environment or `.env` sets, and the site of the YAML
        file."""
        return self._origins.fixed

    def origin(self, where: Key) -> str:
        """Where a key was set: file, line and key, or the variable; `default` when nowhere."""
        return self._origins.where.get(where, "default")

    @property
    def redis_embedded(self) -> bool:
        """Whether the launcher starts the broker itself."""
        # Not by its value: the completed configuration has the embedded broker's URL in `redis_url`.
        return ("redis_url",) not in self._given

    @property
    def has_other_hosts(self) -> bool:
        """Whether other machines may belong to the station: SQLite is for one."""
        return bool(self.database_url) and not str(self.database_url).startswith("sqlite")

    @property
    def ports(self) -> list[int]:
        """The station's own ports."""
        return [self.web.port, self.service.port, self.files.port, self.monitoring.prometheus.port]

    @property
    def outgoing(self) -> OutgoingGuard:
        """Which addresses the station may connect to, for cameras and other addresses that users give."""
        database = django_database(self.database_url, self.data)
        return outgoing_guard(self.network, self.ports, [self.redis_url, self.camera_redis_url], database)

    @property
    def camera_given(self) -> bool:
        """Whether a camera is configured (its port alone does not count)."""
        return any(given[0] == "camera" and given != ("camera", "port") for given in self._given)

    @property
    def sensor_given(self) -> bool:
        """Whether a sensor is configured (its interval or baud rate alone does not count)."""
        return any(given in self._given for given in (("sensor", "type"), ("sensor", "port")))

    @property
    def notices(self) -> tuple[Notice, ...]:
        return self._notices

    @property
    def warnings(self) -> list[str]:
        return [notice.text for notice in self._notices]


def iterate_keys(model: type[Section] = SkycamConfig, prefix: Key = ()) -> Iterator[tuple[Key, FieldInfo]]:
    """Every key that has a value (not a section), in the order of the model."""
    for name, field in model.model_fields.items():
        section = section_of(field)
        if section is None:
            yield (*prefix, name), field
        else:
            yield from iterate_keys(section, (*prefix, name))


def section_of(field: FieldInfo) -> type[Section] | None:
    """The section of a field; None when the field is a value."""
    kind = field.annotation
    return kind if isinstance(kind, type) and issubclass(kind, Section) else None


def items_section(field: FieldInfo) -> type[Section] | None:
    """The section of the items of a list; None when the field is no list of sections."""
    if listed := [one for one in field.metadata if isinstance(one, ItemsOf)]:
        return listed[0].section
    items = get_args(field.annotation)[:1] if get_origin(field.annotation) is list else ()
    return next((item for item in items if isinstance(item, type) and issubclass(item, Section)), None)


def fields_of(model: type[Section]) -> dict[str, FieldInfo]:
    """The fields of a section by the names that they have in the file."""
    return {field.alias or name: field for name, field in model.model_fields.items()}


def field_option(field: FieldInfo, name: str) -> Any:
    """An option that `key()` stored for this field."""
    extra = field.json_schema_extra
    return extra[name] if isinstance(extra, dict) else None


def key_option(where: Key, name: str) -> Any:
    """An option that `key()` stored for the key at `where`: allowed, env, secret, separator, unset, dotenv ..."""
    return field_option(KEYS[where], name)


def variable_of(where: Key) -> str:
    """The key's one name in the environment."""
    return str(key_option(where, "env")) or "SKYCAM_" + "__".join(where).upper()


KEYS: dict[Key, FieldInfo] = dict(iterate_keys())
VARIABLES: dict[str, Key] = {variable_of(where): where for where in KEYS}
DOTENV_VARIABLES: dict[str, Key] = {
    str(key_option(where, "dotenv")): where for where in KEYS if key_option(where, "dotenv")
}
"""Variable names that are read only from a `.env`."""
