from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor


@pytest.fixture
def migrated_from(transactional_db: None) -> Iterator[Callable[[list[tuple[str, str]], Callable[[Any], None]], None]]:
    """Migrates the database backwards, fills it, and migrates it forwards again."""

    def forward() -> None:
        executor = MigrationExecutor(connection)
        executor.migrate(executor.loader.graph.leaf_nodes())

    def migrate(targets: list[tuple[str, str]], before: Callable[[Any], None]) -> None:
        executor = MigrationExecutor(connection)
        executor.migrate(targets)
        before(executor.loader.project_state(targets).apps)
        forward()

    yield migrate
    forward()
