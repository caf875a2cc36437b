"""Migrations of the database that Django has, forwards and back."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader

from tests.harness.project import PROJECT
from tests.harness.waiting import PATIENCE_S

Target = tuple[str, str]
"""An app and its migration."""
CALL = """
import importlib, json, sys
import django
django.setup()
module, name = sys.argv[1:]
print(json.dumps(getattr(importlib.import_module(module), name)()))
"""


class Steps(MigrationLoader):
    """The migrations of a station that had a version of before: without those that replace others."""

    def load_disk(self) -> None:
        super().load_disk()
        self.disk_migrations = {key: one for key, one in self.disk_migrations.items() if not one.replaces}


def migrate(*targets: Target) -> Callable[[str], Any]:
    """To these migrations, step by step; without any, to the newest of all apps. Returns what gives the managers of
    models as they are then, such as that of `captures.Clip`."""
    executor = MigrationExecutor(connection)
    executor.loader = Steps(connection)
    executor.migrate([*targets] or executor.loader.graph.leaf_nodes())
    loader = Steps(connection)
    apps = loader.project_state([key for key in loader.applied_migrations if key in loader.disk_migrations]).apps
    return lambda name: apps.get_model(name).objects


def tables() -> dict[str, list[str]]:
    """Table -> its columns and constraints, of a new SQLite database."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%' AND sql IS NOT NULL")
        return {name: sorted(parts_of(sql)) for name, sql in cursor.fetchall()}


def parts_of(sql: str) -> list[str]:
    """The columns and constraints of a CREATE TABLE, or the whole of another statement."""
    if not sql.startswith("CREATE TABLE"):
        return [sql]
    body, depth, parts = sql[sql.index("(") + 1 : sql.rindex(")")], 0, [""]
    for character in body:
        depth += {"(": 1, ")": -1}.get(character, 0)
        if character == "," and not depth:
            parts.append("")
        else:
            parts[-1] += character
    return [part.strip() for part in parts]


def returned_with(module: str, function: str, data: Path, **variables: str) -> Any:
    """What a function returns in a process with these variables, which has no station."""
    own = {"PATH": os.environ["PATH"], "SKYCAM_DATA": str(data), "SKYCAM_CONFIG": str(data / "none.yaml")}
    (data / "none.yaml").touch()
    done = subprocess.run(
        [sys.executable, "-c", CALL, module, function],
        env={**own, "DJANGO_SETTINGS_MODULE": "skycam_project.settings", **variables}, cwd=PROJECT,
        capture_output=True, text=True, check=False, timeout=2 * PATIENCE_S,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
