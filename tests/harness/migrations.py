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


def migrate(*targets: Target) -> Callable[[str], Any]:
    """To these migrations; without any, to the newest of all apps. Returns what gives the managers of models as they
    are then, such as that of `captures.Clip`."""
    executor = MigrationExecutor(connection)
    executor.migrate([*targets] or executor.loader.graph.leaf_nodes())
    loader = MigrationExecutor(connection).loader
    apps = loader.project_state([*loader.applied_migrations]).apps
    return lambda name: apps.get_model(name).objects


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
