from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection

from tests.harness.migrations import Steps, Target, migrate


@pytest.fixture
def migrated_from(transactional_db: None) -> Iterator[Callable[[list[Target], Callable[[Any], None]], None]]:
    """Migrates the database backwards, fills it, and migrates it forwards again."""

    def there_and_back(targets: list[Target], before: Callable[[Any], None]) -> None:
        migrate(*targets)
        before(Steps(connection).project_state(targets).apps)
        migrate()

    yield there_and_back
    migrate()
