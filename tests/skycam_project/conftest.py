"""A separate configuration for each test, with its own environment and current folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from skycam_project.config import ConfigError, ConfigManager

Configure = Callable[..., ConfigManager]
Problems = Callable[..., list[str]]


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
