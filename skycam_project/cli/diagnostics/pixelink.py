"""The PixeLink SDK, where a PixeLink camera is used."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

from skycam_project.cli.diagnostics.finding import BROKEN, OK, Finding
from skycam_project.cli.diagnostics.known_cameras import known_cameras
from skycam_project.cli.station import Station

PATIENCE_S = 10.0
LOAD = """
import sys
from cameras.drivers.base import CameraError
from cameras.drivers.pixelink import sdk
try:
    print(sdk.version())
except CameraError as error:
    sys.exit(str(error))
"""


def pixelink(station: Station) -> Iterator[Finding]:
    names = [camera.slug for camera in known_cameras(station) if camera.kind == "pixelink"]
    if not names:
        yield Finding("pixelink", OK, "No PixeLink camera of this host needs the SDK.")
        return
    # In a process of its own, which a broken library may crash or block.
    result = subprocess.run(
        [sys.executable, "-c", LOAD], capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )
    if result.returncode == 0:
        yield Finding("pixelink", OK, f"PixeLink SDK {result.stdout.strip()}, for {', '.join(names)}.")
        return
    last = (result.stderr.strip().splitlines() or [f"Loading it ended with status {result.returncode}."])[-1]
    detail, _, remedy = last.partition(" Install the PixeLink SDK")
    install = f"Install the PixeLink SDK{remedy}" if remedy else "Install the PixeLink SDK again."
    yield Finding("pixelink", BROKEN, f"{', '.join(names)} cannot be used. {detail}", install)
