"""A camera process for the parts of the Supervisor that only send to it."""

from __future__ import annotations

import dataclasses
from typing import Any


@dataclasses.dataclass
class Process:
    ending: bool = False
    observed: tuple[str, str] = ("ready", "")
    reads: bool = True
    state: dict[str, Any] = dataclasses.field(default_factory=dict)
    desired: dict[str, Any] = dataclasses.field(default_factory=lambda: {"settings": {"gain": 1}})
    sent: list[tuple[str, Any]] = dataclasses.field(default_factory=list)

    silent: float = 0.0

    def silent_s(self) -> float:
        return self.silent

    def send(self, command: Any) -> bool:
        self.sent.append((command["type"], command))
        return self.reads

    def send_user_command(self, order: str, command_id: str, arguments: Any) -> bool:
        self.sent.append((order, arguments))
        return self.reads
