"""A DSLR for tests: libgphoto2's virtual camera behind our port library, driven in its own process,

because a hang or a crash in the library must not end pytest.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.harness.far_ends.gphoto2_port.build import control, plug, put
from tests.harness.processes.preloaded import Preloaded, PreloadedProcess
from tests.harness.waiting import PATIENCE_S

PRELUDE = """
import hashlib, json, time
from cameras.drivers.base import CameraError, ExposureRequest, SystemClock
from cameras.drivers.gphoto2 import Gphoto2Driver
from tests.harness.far_ends.gphoto2_port.build import control, plug

clock = SystemClock()
soon = lambda: clock.monotonic() + 10
driver = Gphoto2Driver("", clock)
report = lambda value: print(json.dumps(value), flush=True)
bytes_of = lambda exposure: b"".join(chunk for file in exposure.files for chunk in file.chunks())

def failure(call, *arguments):
    try:
        call(*arguments)
    except CameraError as error:
        return {"message": str(error), "reason": error.reason,
                "permanent": error.permanent, "before_shutter": error.before_shutter}
"""


# Without libgphoto2: it looks for its libraries where the variables of a process say.
PRELOADED = Preloaded("cameras.drivers.gphoto2", "tests.harness.far_ends.gphoto2_port.build", flags=("-W", "error"))


@dataclass(frozen=True)
class Dslr:
    folder: Path
    environment: dict[str, str]

    @property
    def picture(self) -> bytes:
        """The picture that it takes."""
        return (self.folder / "pictures" / "scene.jpg").read_bytes()

    def set_control(self, control_line: str) -> None:
        control(self.folder, control_line)

    def plugged(self, *cameras: str) -> None:
        """From now on exactly these are plugged in: see `tests.harness.far_ends.gphoto2_port.build.plug`."""
        plug(self.folder, *cameras)

    def set_pictures(self, picture: bytes, raw: bytes = b"") -> None:
        """Set the picture that it takes from now on; its live view shows the same."""
        put(self.folder / "pictures" / "scene.jpg", picture)
        put(self.folder / "preview.jpg", picture)
        put(self.folder / "raw.nef", raw)

    def is_control_used_up(self) -> bool:
        """Whether a fault with `once` has occurred."""
        return not (self.folder / "control").exists()

    def run_script(self, script: str) -> Any:
        """Run the script and return its last report. Any exit but a clean one is an error that shows its output."""
        with self.process(script) as process:
            output, errors = process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 0, errors
        return json.loads(output.splitlines()[-1])

    @contextmanager
    def process(self, script: str) -> Iterator[PreloadedProcess]:
        """Run the script in a process that is killed at the end."""
        environment = {"PATH": os.environ["PATH"], **self.environment}
        whole = f"{PRELUDE}\nfolder = {str(self.folder)!r}\n{script}"
        with PRELOADED.start(script=whole, environment=environment, text=True, errors=True) as process:
            try:
                yield process
            finally:
                process.kill()
