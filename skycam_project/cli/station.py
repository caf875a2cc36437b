"""The station that a command works on: its configuration, and Django when the command needs the database."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, tzinfo
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, cast
from zoneinfo import ZoneInfo

import click

from skycam_project.cli.errors import CliError

if TYPE_CHECKING:
    from cameras.status.messages import Heartbeat
    from skycam_project.cli.identity import Caller
    from skycam_project.config import SkycamConfig
    from skycam_project.config.sections import SiteConfig


@dataclass
class Station:
    config_path: Path | None = None
    chosen_output: str | None = None
    verbose: bool = False
    utc: bool = False
    """Times are printed and read in UTC."""
    published_zone: str = ""
    """The name of the zone that the camera hosts publish, for commands without the database."""
    command: str = "skycam"
    job_patience_s: float = 3.0
    """How long a command waits for its host's jobs worker before it runs a job itself."""
    _zone_is_active: bool = False

    @cached_property
    def config(self) -> SkycamConfig:
        """The configuration. Raises ConfigError, also without a data folder: only `up` creates one."""
        from skycam_project.config import load_config

        self.use_config()
        config = load_config(create=False)
        if config.cli.verbose:
            self.enable_verbose()
        return config

    def reload_configuration(self) -> None:
        """Read the configuration again at the next use of `config`."""
        self.__dict__.pop("config", None)

    def use_config(self) -> None:
        """Make `--config` the file of this process, of Django's settings and of children."""
        from skycam_project.config import choose_config

        if self.config_path is not None:
            choose_config(self.config_path)

    def enable_verbose(self) -> None:
        """Show logs and tracebacks, for `--verbose` and `cli.verbose`."""
        self.verbose = True
        logging.disable(logging.NOTSET)

    @property
    def output(self) -> str:
        if self.chosen_output is not None:
            return self.chosen_output
        from skycam_project.config import ConfigError

        try:
            return self.config.cli.output_format
        # This very error must be printed.
        except (ConfigError, OSError):
            return "rich"

    @property
    def zone(self) -> tzinfo:
        """In which people read and type times: that of the site; with `--utc` UTC."""
        return UTC if self.utc else ZoneInfo(self.published_zone) if self.published_zone else self._site_zone

    def use_zone_of(self, hosts: Iterable[Heartbeat]) -> None:
        """Use the zone that this host publishes, else another one: `status` and `ps` need no database for it."""
        own_first = sorted(hosts, key=lambda host: host["host"] != self.config.host)
        self.published_zone = next((host["time_zone"] for host in own_first if "time_zone" in host), "")

    def zone_of(self, name: str) -> tzinfo:
        """The zone of a site, such as that of the cameras of a night; with `--utc` UTC."""
        return UTC if self.utc else ZoneInfo(name)

    @cached_property
    def site(self) -> SiteConfig | None:
        """Where the station stands, as the page or its configuration says. None where there is no station."""
        from skycam_project.config import ConfigError

        found: SiteConfig | None
        try:
            self.set_up_django()
        # The command itself says what is wrong, where it needs them.
        except (ConfigError, CliError, OSError):
            found = self.__dict__["config"].site if "config" in self.__dict__ else None
        else:
            from core.station_settings import site_config

            found = site_config()
        return found

    @cached_property
    def _site_zone(self) -> tzinfo:
        from core.times.zones import machine_zone_name

        return ZoneInfo((self.site.time_zone if self.site else None) or machine_zone_name())

    def authorize(self, role: str) -> Caller:
        """The user who runs the command, with Django set up; CliError when the user's role is below `role`."""
        from skycam_project.cli.identity import identify_caller

        self.set_up_django()
        self.activate_zone()
        return identify_caller(self.config).require(role)

    def set_up_django(self) -> None:
        # First: it raises where there is no station. Django's settings load the configuration again, and would create
        # the data folder.
        data = self.config.data
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "skycam_project.settings")
        import django
        from django.apps import apps
        from django.conf import settings

        if not apps.ready:
            django.setup()
        if database_missing(settings.DATABASES["default"]):
            raise CliError("failed", f"The station in {data} has no database yet. Start it once with `skycam up`.")

    def activate_zone(self) -> None:
        """For the sentences of services. Those for programs name times in UTC."""
        from django.utils import timezone

        from core.station_zone import LazyZone

        timezone.activate(UTC if self.output == "json" else LazyZone(lambda: self.zone))
        self._zone_is_active = True

    def close(self) -> None:
        """The process may run other commands, as tests do."""
        if self._zone_is_active:
            from django.utils import timezone

            timezone.deactivate()


def database_missing(database: dict[str, object]) -> bool:
    """Whether the database is a SQLite file that does not exist; connecting would create an empty one."""
    name = str(database["NAME"])
    return str(database["ENGINE"]).endswith("sqlite3") and name.startswith(os.sep) and not os.path.exists(name)


def current() -> Station:
    return cast(Station, click.get_current_context().find_root().obj)
