"""The variables of a process that takes half a second to end, while its other threads continue."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.harness.waiting import PATIENCE_S

SOURCE = Path(__file__).with_name("slow_exit.c")


def slow_exit(folder: Path) -> dict[str, str]:
    library = folder / "slow_exit.so"
    command = ["gcc", "-std=gnu11", "-Wall", "-Wextra", "-Werror", "-fPIC", "-shared"]
    subprocess.run([*command, str(SOURCE), "-o", str(library)], check=True, timeout=PATIENCE_S)
    return {"LD_PRELOAD": str(library)}
