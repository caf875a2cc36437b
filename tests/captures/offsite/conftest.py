"""A folder as a destination."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from captures.models import Destination


@pytest.fixture
def copies_folder(tmp_path: Path) -> Path:
    return tmp_path / "copies"


@pytest.fixture
def folder_copies(db: None, copies_folder: Path) -> Destination:
    """A tested destination for clips and captures."""
    from tests.harness.rows.offsite import folder_destination

    return folder_destination(copies_folder)
