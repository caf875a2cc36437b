"""A part of a running station in a crash loop."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from skycam_project.launch import LaunchError
from tests.harness.stations.station import Station
from tests.harness.waiting import eventually

LOOK_S = 0.1
"""Between two looks at whether a part runs that is killed on each start."""
SOON = {"SKYCAM_SUPERVISION__CRASH_LOOP_EXITS": "2", "SKYCAM_SUPERVISION__HEALTHY_S": "2"}
"""Variables of a station where two exits make a crash loop, and two healthy seconds end it."""


@contextmanager
def killed_on_each_start(station: Station, part: str) -> Iterator[None]:
    ended = threading.Event()

    def kill() -> None:
        while not ended.wait(LOOK_S):
            with suppress(ProcessLookupError, TypeError, LaunchError):  # it is not running, or the launcher was killed
                os.kill(station.parts()[part]["pid"], signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        yield
    finally:
        ended.set()
        killer.join()


def looping(station: Station, part: str) -> dict[str, Any]:
    """The row of the part, once it is in a crash loop."""

    def found() -> dict[str, Any] | None:
        row = station.parts()[part]
        return row if row["state"] == "crash loop" else None

    return dict(eventually(found, f"{part} in a crash loop: {station.output()[-2000:]}"))
