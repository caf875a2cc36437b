"""Types of the fixtures that load a configuration."""

from __future__ import annotations

from collections.abc import Callable

from skycam_project.config import ConfigManager

Configure = Callable[..., ConfigManager]


Problems = Callable[..., list[str]]
