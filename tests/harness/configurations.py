"""Types of the fixtures that load a configuration, and files to load."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from skycam_project.config import ConfigManager

Configure = Callable[..., ConfigManager]


Problems = Callable[..., list[str]]


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path
