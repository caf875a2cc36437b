"""Where the values of a configuration come from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from skycam_project.config.keys import Key


@dataclass(frozen=True)
class Origins:
    """Excluded from comparison, so that configurations with the same values are equal. `fixed` are the keys set by the
    environment and `.env`; `written_lists` are the lists of sections as they were written."""

    where: Mapping[Key, str] = field(default_factory=dict, compare=False)
    fixed: frozenset[Key] = field(default=frozenset(), compare=False)
    written_lists: Mapping[Key, Any] = field(default_factory=dict, compare=False)
