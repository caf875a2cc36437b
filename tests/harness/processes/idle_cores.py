"""The variables of a station that sees a machine with this number of idle cores, however busy that of the tests is."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.harness.waiting import PATIENCE_S

SOURCE = Path(__file__).with_name("idle_cores.c")


def idle_cores(folder: Path, cores: int) -> dict[str, str]:
    library = folder / "idle_cores.so"
    command = ["gcc", "-std=gnu11", "-Wall", "-Wextra", "-Werror", "-fPIC", "-shared"]
    subprocess.run([*command, str(SOURCE), "-o", str(library)], check=True, timeout=PATIENCE_S)
    return {"LD_PRELOAD": str(library), "IDLE_CORES": str(cores)}
