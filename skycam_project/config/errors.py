"""The one exception of the configuration."""

from __future__ import annotations

from collections.abc import Iterable


class ConfigError(Exception):
    """The station cannot be configured as asked. `problems` has one sentence for each thing to put right."""

    def __init__(self, problems: str | Iterable[str]) -> None:
        self.problems = [problems] if isinstance(problems, str) else list(problems)
        super().__init__("\n".join(self.problems))


class NoStation(ConfigError):
    """There is no data folder yet, and none was to be made. The configuration itself is in order."""
