"""A storage root with a camera, and the host whose Supervisor runs it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from cameras.supervision.assembly import Host
    from tests.harness.rows.archive import Archive


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    from tests.harness.rows.archive import Archive

    return Archive(tmp_path)


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    from tests.harness.supervision.hosts import assembled

    with assembled(tmp_path) as host:
        yield host
