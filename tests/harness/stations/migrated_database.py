"""An empty database with all migrations, made once for each run: a new station starts in half the time with it."""

from __future__ import annotations

import functools
import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from zlib import crc32

from tests.harness.project import PROJECT
from tests.harness.runs.folder import one_at_a_time, run_folder
from tests.harness.waiting import PATIENCE_S

MIGRATE = (sys.executable, "-m", "django", "migrate", "--verbosity", "0", "--settings", "skycam_project.settings")

INSTALLED = "UPDATE django_migrations SET applied = '2020-01-01 12:00:00+00:00'"
"""The nights of tests, whenever they are, come after the installation."""


def place_database(data: Path) -> None:
    """Put a copy into the data folder of a station, unless it has a database, or is no folder."""
    file = data / "skycam.sqlite3"
    if not data.exists():
        data.mkdir(mode=0o700)
    if data.is_dir() and not file.exists():
        shutil.copyfile(migrated_database(), file)


@functools.cache
def migrated_database() -> Path:
    # A copy of the project may have further migrations.
    name = f"migrated-{crc32(os.fsencode(PROJECT)):08x}"
    data, done = run_folder() / name, run_folder() / f"{name}.sqlite3"
    with one_at_a_time(name):
        if not done.exists():
            migrate(SKYCAM_DATA=str(data))
            with closing(sqlite3.connect(data / "skycam.sqlite3")) as database:
                database.execute(INSTALLED)
                database.commit()
            (data / "skycam.sqlite3").rename(done)
    return done


def migrate(**variables: str) -> None:
    environment = {"PATH": os.environ["PATH"], **variables}
    subprocess.run(MIGRATE, env=environment, cwd=PROJECT, check=True, timeout=5 * PATIENCE_S)
