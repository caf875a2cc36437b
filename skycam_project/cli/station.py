"""The station that a command works on: its configuration, and Django when the command needs the database."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from skycam_project.cli.errors import CliError

if TYPE_CHECKING:
    from skycam_project.cli.identity import Caller
    from skycam_project.config import SkycamConfig


@dataclass
class Station:
    config_path: Path | None = None
    chosen_output: str | None = None
    verbose: bool = False
    command: str = "skycam"
    job_patience_s: float = 3.0
    """How long a command waits for its host's jobs worker before it runs a job itself."""

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

    def authorize(self, role: str) -> Caller:
        """The user who runs the command, with Django set up; CliError when the user's role is below `role`."""
        from skycam_project.cli.identity import identify_caller

        self.set_up_django()
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


def database_missing(database: dict[str, object]) -> bool:
    """Whether the database is a SQLite file that does not exist; connecting would create an empty one."""
    name = str(database["NAME"])
    return str(database["ENGINE"]).endswith("sqlite3") and name.startswith(os.sep) and not os.path.exists(name)


def current() -> Station:
    return cast(Station, click.get_current_context().find_root().obj)
