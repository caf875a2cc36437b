"""Camera processes of the Supervisor: one that a test sets, and real ones that start quickly."""

from __future__ import annotations

import dataclasses
import subprocess
from types import SimpleNamespace
from typing import Any

from core.times.clocks import ProcessorClock
from tests.harness.camera_processes.camera_process import PRELOADED
from tests.harness.processes.preloaded import PreloadedProcess, can_be_preloaded


def start_preloaded(
    command: list[str], env: dict[str, str], **options: Any
) -> PreloadedProcess | subprocess.Popen[bytes]:
    """In place of `subprocess.Popen`: the same process, with its modules imported already, if its variables allow
    that. Its parent is not the test."""
    if not can_be_preloaded(env):
        return subprocess.Popen(command, env=env, **options)
    return PRELOADED.start("cameras.runtime", "--parent", str(PRELOADED.parent), environment=env, errors=True)


QUICK_SUBPROCESS = SimpleNamespace(
    Popen=start_preloaded, PIPE=subprocess.PIPE, TimeoutExpired=subprocess.TimeoutExpired
)
"""For `cameras.supervision.child`."""


@dataclasses.dataclass
class Process:
    """For the parts of the Supervisor that read a process, send to it and kill it."""

    ending: bool = False
    killed: bool = False
    has_recovered: bool = True
    observed: tuple[str, str] = ("ready", "")
    reads: bool = True
    state: dict[str, Any] = dataclasses.field(default_factory=dict)
    desired: dict[str, Any] = dataclasses.field(default_factory=lambda: {"settings": {"gain": 1}})
    sent: list[tuple[str, Any]] = dataclasses.field(default_factory=list)
    silent: float = 0.0
    waited: float = 0.0
    """Of its silence, the time for which it waited for a processor."""
    clock: ProcessorClock = dataclasses.field(default_factory=lambda: ProcessorClock(0, read_waits=lambda pid: {}))

    def silent_s(self) -> float:
        return self.silent

    def own_silent_s(self) -> float:
        return self.silent - self.waited

    def send(self, command: Any) -> bool:
        self.sent.append((command["type"], command))
        return self.reads

    @property
    def sent_types(self) -> list[str]:
        return [kind for kind, _ in self.sent]

    def kill(self) -> None:
        self.killed = True

    def send_user_command(self, order: str, command_id: str, arguments: Any) -> bool:
        self.sent.append((order, arguments))
        return self.reads
