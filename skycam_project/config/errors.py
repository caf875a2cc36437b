"""The configuration's exceptions."""

from __future__ import annotations

from collections.abc import Iterable


class ConfigError(Exception):
    """The configuration is invalid. `problems` has one sentence for each thing to fix."""

    def __init__(self, problems: str | Iterable[str]) -> None:
        self.problems = [problems] if isinstance(problems, str) else list(problems)
        super().__init__("\n".join(self.problems))


class NoStation(ConfigError):
    """There is no data folder yet, and the caller requested not to create one. The configuration itself is valid."""
