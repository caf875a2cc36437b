"""A gate of a station whose value is the text of a file."""

from __future__ import annotations

import json
from pathlib import Path

DRY, WET = 0.1, 0.4
"""Values with which the gate is open, and closed."""


class RainFile:
    def __init__(self, folder: Path) -> None:
        self.file = folder / "rain"
        self.set(DRY)

    @property
    def environment(self) -> dict[str, str]:
        """With it a station has the gate `rain`. Readings are taken each half second."""
        gate = {
            "name": "rain", "source": {"file": str(self.file)}, "unsafe_above": 0.2, "safe_for_s": 0, "every_s": 0.5,
            "max_age_s": 86_400,
        }  # fmt: skip
        return {"SKYCAM_GATES": json.dumps([gate])}

    def set(self, value: float) -> None:
        written = self.file.with_suffix(".new")
        written.write_text(f"{value}\n")
        written.replace(self.file)
