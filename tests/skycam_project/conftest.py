"""A separate configuration for each test, with its own environment and current folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from cameras.models import Camera

from skycam_project.config import ConfigError, ConfigManager
from tests.harness.configurations import Configure, Problems


@pytest.fixture
def configure(tmp_path: Path) -> Configure:
    """Load from the text of a YAML file, the text of a `.env` and variables; all lie in `tmp_path`."""

    def load(yaml: str | None = None, dotenv: str | None = None, **environment: str) -> ConfigManager:
        for name, text in (("skycam.yaml", yaml), (".env", dotenv)):
            if text is not None:
                (tmp_path / name).write_text(text)
        path = tmp_path / "skycam.yaml" if yaml is not None else None
        return ConfigManager(path, environment=environment, here=tmp_path)

    return load


@pytest.fixture
def problems(configure: Configure, tmp_path: Path) -> Problems:
    """The problems of such a configuration, with file names instead of paths."""

    def load(*layers: str, **environment: str) -> list[str]:
        with pytest.raises(ConfigError) as caught:
            configure(*layers, **environment)
        return [problem.replace(f"{tmp_path}/", "") for problem in caught.value.problems]

    return load


@pytest.fixture
def migrated_again(transactional_db: None) -> Iterator[None]:
    """All migrations are applied at the end: later tests of the same process need every table."""
    from tests.harness.migrations import migrate

    yield
    migrate()


@pytest.fixture
def sim(db: None) -> Camera:
    """A simulated camera `sim`, added as a user adds it."""
    from tests.harness.rows.cameras import add_camera

    return add_camera(slug="sim", kind="simulated")
