"""The sections of the configuration: each key with its default, meaning, allowed values and variable."""

from __future__ import annotations

import re
from collections.abc import Callable
from math import inf
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import field_validator, model_validator

from cameras.drivers import driver_class
from core.sky.horizon_text import parse_horizon
from core.text.names import NAME_PATTERN
from core.times.durations import parse_duration, parse_exposure
from core.times.zones import zone_names
from monitoring.sensors.driver import SENSORS
from monitoring.webhooks.receiver_url import ReceiverUrl
from skycam_project.config.keys import FOLDER, NAME, PORT, SECONDS, YES_NO, Section, key
from skycam_project.config.network import is_loopback
from skycam_project.config.web import HOST_PATTERN

ORIGIN = re.compile(r"\Ahttps?://[a-z0-9.\-_\[\]:]+\Z")
SIZE = re.compile(r"\A\s*(\d{1,12})\s*(B|kB|KB|MB|GB)?\s*\Z")
PLAIN_NUMBER = re.compile(r"[+-]?[\d.]+(e[+-]?\d+)?", re.IGNORECASE)
SENSOR_TYPES = ", ".join(sorted(SENSORS))
UNITS = {None: 1, "B": 1, "kB": 10**3, "KB": 10**3, "MB": 10**6, "GB": 10**9}


def with_unit(value: Any, parse: Callable[[str], float]) -> Any:
    """Parse a text with a unit; return a plain number or another value unchanged. Raises ValueError without a text."""
    # The environment gives every number as a text, and YAML 1.1 reads 1e-3 as one.
    if not isinstance(value, str) or PLAIN_NUMBER.fullmatch(value.strip()):
        return value
    try:
        return parse(value)
    except ValueError:
        raise ValueError from None


def parse_exposure_s(text: str) -> float:
    return parse_exposure(text) / 1e6


class CameraConfig(Section):
    """The camera that the file may configure: the first start creates the primary camera `dslr` from it, once."""

    type: Literal["dslr"] = key("dslr", "Type of the camera; `dslr` uses gphoto2.", "dslr")
    exposure_time: float = key(
        8.0,
        "Default exposure time of a session, in seconds.",
        "a number of seconds above 0, at most 3600, or a time with its unit such as 250 ms or 1/50 s",
        gt=0,
        le=3600,
    )
    f_number: float = key(
        1.4, "Default aperture of a session, as an f-number.", "a number from 0.5 to 128", ge=0.5, le=128
    )
    delay: float = key(
        12.0,
        "Default delay of a session, in seconds: from the end of saving one capture to the start of the next.",
        "a number of seconds from 0 to 86400, or a time with its unit such as 12 s or 5 min",
        ge=0,
        le=86400,
    )
    image_path: Path | None = key(
        None, "Folder where pictures are stored if `storage_root` is not set.", FOLDER, unset="none"
    )
    port: str | None = key(
        None,
        "Address of the camera.",
        "a serial number, a USB port such as usb:001,004, or null",
        env="CAMERA_PORT",
        unset="detected",
    )

    @field_validator("type", mode="before")
    @classmethod
    def refuse_astronomical_cameras(cls, value: Any) -> Any:
        if value == "astro":
            raise ValueError("astro means an INDI camera, which Skycam does not support yet; allowed is dslr.")
        return value

    @field_validator("port")
    @classmethod
    def is_an_address(cls, value: str | None) -> str | None:
        """As the API and the pages check it."""
        # The driver's package is slow to import, and most stations set no port.
        return None if value is None else driver_class("gphoto2").check_address(value, [])

    @field_validator("exposure_time", mode="before")
    @classmethod
    def read_exposure(cls, value: Any) -> Any:
        return with_unit(value, parse_exposure_s)

    @field_validator("delay", mode="before")
    @classmethod
    def read_delay(cls, value: Any) -> Any:
        return with_unit(value, parse_duration)

    @property
    def kind(self) -> str:
        """The driver's name."""
        return "gphoto2"


class SensorConfig(Section):
    """The sensor that the file may configure: the first start creates the sensor `main` from it, once."""

    type: str = key("digitemp", "Kind of the sensor.", SENSOR_TYPES)
    port: str | None = key(None, "Serial port of the sensor.", "a device's path, or null", unset="detected")
    baud_rate: int = key(
        9600,
        "Baud rate of the serial port, for kinds that have one.",
        "a whole number from 50 to 4000000",
        ge=50,
        le=4_000_000,
    )
    sampling_interval: float = key(
        2.0,
        "Seconds between readings.",
        "a number of seconds above 0, at most 86400, or a time with its unit such as 500 ms or 1 min",
        gt=0,
        le=86400,
    )

    @field_validator("type")
    @classmethod
    def is_known_kind(cls, value: str) -> str:
        if value not in SENSORS:
            raise ValueError
        return value

    @field_validator("sampling_interval", mode="before")
    @classmethod
    def read_interval(cls, value: Any) -> Any:
        return with_unit(value, parse_duration)


class PrometheusConfig(Section):
    enabled: bool = key(True, "Whether each camera host serves its metrics on a port of their own.", YES_NO)
    host: str = key(
        "127.0.0.1",
        "Address that the metrics are served on; any other than loopback needs `monitoring.prometheus.token`.",
        "an IP address or a host name",
        env="PROMETHEUS_HOST",
        pattern=HOST_PATTERN,
    )
    port: int = key(8000, "Port of the metrics.", PORT, env="PROMETHEUS_PORT", ge=1, le=65535)
    token: str = key(
        "",
        "Token that clients of that port must send: `Authorization: Bearer TOKEN`.",
        "at least 16 letters, digits and ._~+/=-",
        env="PROMETHEUS_TOKEN",
        secret=True,
        unset="none",
        pattern=r"^([A-Za-z0-9._~+/=-]{16,})?$",
    )

    @property
    def listens_on(self) -> str:
        """`host`, but loopback if no token is set."""
        return self.host if self.token or is_loopback(self.host) else "127.0.0.1"


class GrafanaConfig(Section):
    enabled: bool = key(True, "Whether `skycam up` writes a Grafana dashboard to `dashboard_path`.", YES_NO)
    dashboard_path: Path | None = key(None, "Where that dashboard is written.", "a file's path", unset="not written")


class ReadingsConfig(Section):
    raw_days: int = key(
        14,
        "Days to keep each reading of the sensors; 0 keeps them forever. Their aggregates of hours and days are kept "
        "forever. The newest days that have readings are kept at any age.",
        "a whole number from 0 to 36500",
        ge=0,
        le=36_500,
    )
    minute_days: int = key(
        400,
        "Days to keep the aggregates of one and of ten minutes; 0 keeps them forever.",
        "a whole number from 0 to 36500",
        ge=0,
        le=36_500,
    )


class DeadManSwitchConfig(Section):
    url: str = key(
        "",
        "Address that is pinged while the station is well, such as https://hc-ping.com/... "
        "(docs/operating/notifications.md#dead-mans-switch).",
        "an address that begins with https:// or http://",
        secret=True,
        unset="no ping",
    )
    interval_s: float = key(
        60.0, "Seconds between two pings.", "a number of seconds from 10 to 86400", ge=10, le=86_400
    )
    report_failure: bool = key(
        False, "Whether `<url>/fail` is called while the station is not well, as healthchecks expects.", YES_NO
    )

    @field_validator("url")
    @classmethod
    def is_an_address(cls, value: str) -> str:
        return ReceiverUrl.parse(value).text if value else value


class MonitoringConfig(Section):
    events_kept_days: int = key(
        90,
        "Days to keep events of severity info, resolved alerts and past maintenance windows; 0 keeps all events "
        "forever. Open alerts and the newest 1000 events are always kept.",
        "a whole number from 0 to 36500",
        ge=0,
        le=36_500,
    )
    warnings_kept_days: int = key(
        365,
        "Days to keep warnings; 0 keeps them forever. They are never removed before events of severity info.",
        "a whole number from 0 to 36500",
        ge=0,
        le=36_500,
    )
    errors_kept_days: int = key(
        1095,
        "Days to keep events of severity error and critical; 0 keeps them forever. They are never removed before "
        "warnings.",
        "a whole number from 0 to 36500",
        ge=0,
        le=36_500,
    )
    readings: ReadingsConfig = ReadingsConfig()
    prometheus: PrometheusConfig = PrometheusConfig()
    grafana: GrafanaConfig = GrafanaConfig()
    dead_man_switch: DeadManSwitchConfig = DeadManSwitchConfig()


class LoggingConfig(Section):
    level: Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"] = key(
        "INFO", "Minimum level of logged messages.", "DEBUG, INFO, WARNING, ERROR or CRITICAL"
    )
    format: Literal["text", "json"] = key(
        "text", "Format of the log's lines: text, or one JSON object in each line.", "text or json"
    )
    file: Path = key(None, "The log file.", "a file's path", unset="`<data>/logs/skycam.log`")
    max_size: int = key(
        10_000_000, "Size at which the log is rotated, in bytes.", "a size such as 10MB, at least 1kB", ge=1000
    )
    backup_count: int = key(
        5,
        "Number of rotated logs to keep; with 0 the log is truncated.",
        "a whole number from 0 to 1000",
        ge=0,
        le=1000,
    )

    @field_validator("max_size", mode="before")
    @classmethod
    def size_in_bytes(cls, value: Any) -> Any:
        match = SIZE.match(value) if isinstance(value, str) else None
        return int(match[1]) * UNITS[match[2]] if match else value


class DatabaseConfig(Section):
    allow_plain: bool = key(
        False,
        "Whether `DATABASE_URL` may name a PostgreSQL of another machine without TLS: rows and the password can be "
        "read on the network.",
        YES_NO,
    )


class BackupConfig(Section):
    """Backups that the station makes by itself (docs/operating/backup.md)."""

    every: float = key(
        0.0,
        "Seconds between backups, made by the main machine; with 0 it makes none by itself.",
        "0, or a number of seconds from 3600 to 31536000, or a time with its unit such as 24 h",
        ge=0,
        le=31_536_000,
    )
    keep: int = key(7, "Number of backups to keep, here and off-site.", "a whole number from 1 to 1000", ge=1, le=1000)
    media: bool = key(False, "Whether pictures and clips are in the backups.", YES_NO)
    folder: Path | None = key(None, "Folder of the backups, better on another disk.", FOLDER, unset="`<data>/backups`")
    passphrase: str = key(
        "",
        "Passphrase that encrypts the backups. Without it no one can restore them: keep it apart from this machine.",
        "12 to 1000 characters",
        secret=True,
        unset="none",
        pattern=r"^(.{12,1000})?$",
    )
    offsite: str = key(
        "",
        "Name of the off-site destination to which each backup is copied, too.",
        "a destination's name",
        unset="none",
        max_length=100,
    )

    @field_validator("every", mode="before")
    @classmethod
    def read_every(cls, value: Any) -> Any:
        return with_unit(value, parse_duration)

    @model_validator(mode="after")
    def has_what_it_needs(self) -> Self:
        if 0 < self.every < 3600:
            raise ValueError("backup.every must be 0 or at least 3600 s.")
        if self.every and not self.passphrase:
            raise ValueError(
                "backup.every is set, so backup.passphrase must be, too: SKYCAM_BACKUP__PASSPHRASE in the environment "
                "or in `.env`."
            )
        return self


class ServiceConfig(Section):
    """The PixeLink-compatible service. Its variables without SKYCAM_ have the names of the service that it replaces;
    no other part reads them."""

    enabled: bool = key(True, "Whether the PixeLink service runs.", YES_NO)
    host: str = key(
        "127.0.0.1",
        "Address that the PixeLink service listens on; any other than loopback needs `service.token`.",
        "an IP address or a host name",
        dotenv="HOST",
        pattern=HOST_PATTERN,
    )
    port: int = key(8001, "Port of the PixeLink service.", PORT, env="SERVICE_PORT", dotenv="PORT", ge=1, le=65535)
    token: str = key(
        "",
        "Token that clients must send: `Authorization: Bearer TOKEN`.",
        "at least 16 letters, digits and ._~+/=-",
        env="SERVICE_TOKEN",
        secret=True,
        unset="none",
        pattern=r"^([A-Za-z0-9._~+/=-]{16,})?$",
    )
    camera: str = key(
        "",
        "Id of the served camera.",
        "a camera's id",
        env="SERVICE_CAMERA",
        unset="the camera with the serial number, else the first PixeLink camera, else the simulated one",
        max_length=40,
    )
    camera_serial_number: str = key(
        "",
        "Serial number of the served PixeLink camera.",
        "a serial number",
        env="CAMERA_SERIAL_NUMBER",
        unset="the first one",
        max_length=80,
    )
    timeout_ms: int = key(
        30_000,
        "Timeout of a capture in milliseconds; then the service answers 504.",
        "a whole number from 1000 to 60000",
        env="SERVICE_TIMEOUT",
        ge=1000,
        le=60_000,
    )
    default_exposure: int | None = key(
        None,
        "Default exposure of the served camera, in microseconds.",
        "a whole number of microseconds from 1 to 3600000000, or a time with its unit such as 20 ms or 1/50 s",
        env="DEFAULT_EXPOSURE",
        unset="the camera's own",
        ge=1,
        le=3_600_000_000,
    )
    default_gain: float | None = key(
        None,
        "Default gain of the served camera.",
        "a number from 0 to 1000",
        env="DEFAULT_GAIN",
        unset="the camera's own",
        ge=0,
        le=1000,
    )
    image_save_path: Path | None = key(
        None,
        "Folder for all pictures of the served camera, as a storage root of its own.",
        FOLDER,
        env="IMAGE_SAVE_PATH",
        unset="`storage_root`",
    )
    image_format: Literal["jpg", "jpeg"] = key(
        "jpg", "Format of the service's pictures; both mean JPEG.", "jpg or jpeg", env="IMAGE_FORMAT", reserved=True
    )
    image_quality: int = key(
        95, "JPEG quality of the service's pictures.", "a whole number from 1 to 100", env="IMAGE_QUALITY", ge=1, le=100
    )
    allowed_origins: list[str] = key(
        [],
        "Origins whose pages may use the service (CORS).",
        "a list of origins such as http://localhost:3000",
        env="ALLOWED_ORIGINS",
    )

    @field_validator("default_exposure", mode="before")
    @classmethod
    def read_exposure(cls, value: Any) -> Any:
        """A plain number means microseconds, as in the service that this one replaces. A fraction is rounded."""
        read = with_unit(value, parse_exposure)
        # A text that is left is that of a number.
        number = float(read) if isinstance(read, str | float) else 0.0
        return round(number) if 1 <= number < inf else read

    @field_validator("image_format", mode="before")
    @classmethod
    def lower_case(cls, value: Any) -> Any:
        return value.lower() if isinstance(value, str) else value

    @field_validator("allowed_origins")
    @classmethod
    def origins(cls, values: list[str]) -> list[str]:
        found = [value.rstrip("/").lower() for value in values]
        if "*" in found:
            raise ValueError("The origin * would open the camera to every page on the web; name the origins.")
        if not all(ORIGIN.match(value) for value in found):
            raise ValueError
        return found

    @property
    def listens_on(self) -> str:
        """`host`, but loopback if no token is set."""
        # Existing `.env` files of the replaced service have HOST=0.0.0.0 and no token: the service starts, but only for
        # this machine.
        return self.host if self.token or is_loopback(self.host) else "127.0.0.1"


class CliConfig(Section):
    output_format: Literal["rich", "json"] = key("rich", "Output format of `skycam`.", "rich or json")
    verbose: bool = key(False, "Whether `skycam` shows logs and tracebacks, as with `--verbose`.", YES_NO)


class StationConfig(Section):
    """The station's id and name. `station: ID` in YAML sets only the id."""

    id: str = key(
        "",
        "Id of the station, the same on all its hosts; it prefixes the keys in Redis.",
        NAME,
        env="SKYCAM_STATION",
        pattern=NAME_PATTERN,
        unset="random, stored in `<data>/station`",
        page=False,
    )
    name: str = key(
        "",
        "Name of the station, shown on every page.",
        "1 to 60 characters",
        max_length=60,
        pattern=r"^[^\x00-\x1f\x7f]*$",
        unset="the machine's name, or Skycam if it has none",
    )

    @field_validator("name")
    @classmethod
    def collapse_spaces(cls, value: str) -> str:
        return " ".join(value.split())


class SiteConfig(Section):
    """Where the station stands. A key in the YAML file of a host is that host's, and not changed on the page: hosts of
    one station may stand at different sites."""

    latitude: float | None = key(
        None, "Latitude in degrees, north positive.", "a number from -90 to 90", ge=-90, le=90, unset="none"
    )
    longitude: float | None = key(
        None, "Longitude in degrees, east positive.", "a number from -180 to 180", ge=-180, le=180, unset="none"
    )
    elevation: float = key(
        0.0, "Elevation in metres above sea level.", "a number of metres from -500 to 9000", ge=-500, le=9000
    )
    horizon: str | None = key(
        None,
        "Altitude of hills and buildings in some directions, as azimuth:altitude in degrees.",
        "pairs such as 0:5, 90:12, 270:3",
        unset="level",
    )
    time_zone: str | None = key(
        None, "Time zone of the site.", "a name such as Europe/Berlin", unset="the machine's time zone"
    )

    @field_validator("horizon")
    @classmethod
    def valid_horizon(cls, value: str | None) -> str | None:
        if value is not None:
            parse_horizon(value)
        return value

    @field_validator("time_zone")
    @classmethod
    def known_time_zone(cls, value: str | None) -> str | None:
        if value is not None and value not in zone_names():
            raise ValueError
        return value

    @model_validator(mode="after")
    def both_or_neither(self) -> Self:
        if (self.latitude is None) != (self.longitude is None):
            raise ValueError("site.latitude and site.longitude belong together: set both or neither.")
        return self


class SupervisionConfig(Section):
    healthy_s: float = key(30.0, "Seconds without a fault after which the back-off is reset.", SECONDS, gt=0)
    margin_s: float = key(5.0, "Seconds that a frame may be late before the camera counts as hung.", SECONDS, gt=0)
    silence_s: float = key(15.0, "Seconds without a heartbeat after which a part is killed.", SECONDS, gt=0)
    crash_loop_exits: int = key(
        5, "Number of early exits in a row that make a crash loop.", "a whole number above 0", gt=0
    )
    crash_loop_s: float = key(10.0, "Seconds after its start within which an exit counts as early.", SECONDS, gt=0)
    usb_reset: bool = key(
        False,
        "Whether a camera's USB port is reset before the last restart attempt (docs/internals/ladder.md).",
        YES_NO,
    )
