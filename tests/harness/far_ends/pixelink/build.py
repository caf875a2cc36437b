"""PixeLink cameras to test with: our library in place of the SDK's, controlled by files in its folder (see sdk.c).

    sdk = Sdk(folder)                         # installed, with one colour camera plugged in
    sdk.environment                           # the environment of a process that finds it
    sdk.fails("PxLGetNextFrame", TIMED_OUT, times=2)

The same files are read by every process, at each call of the library.
`python -m tests.harness.far_ends.pixelink.build FOLDER` installs it for a station.
"""

from __future__ import annotations

import atexit
import os
import shutil
import struct
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from tests.harness.waiting import PATIENCE_S

SOURCE = Path(__file__).with_name("sdk.c")
LIBRARY = "libPxLApi.so"
VERSION = "4.2.6.30"
SERIAL = str(1_000_000_000 + os.getpid())
"""Of its own in each test process: which camera a process has open is visible to all processes of the machine."""

IN_USE, NO_CAMERA, HARDWARE, IO_ERROR = 0x80000007, 0x80000008, 0x80000009, 0x80000011
TIMED_OUT = 0x9000000C

SHUTTER, GAIN, TEMPERATURE, FRAME_RATE, ROI, ADDRESSING, PIXEL_FORMAT = 7, 8, 11, 18, 19, 21, 22
PARAMETERS = 4
VALUES_AT, STREAMING_AT = 16, 8


@cache
def compiled() -> Path:
    """The library, compiled once for a run of the tests."""
    folder = tempfile.mkdtemp(prefix="skycam-pixelink-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    target = Path(folder) / LIBRARY
    command = ["gcc", "-std=gnu11", "-Wall", "-Wextra", "-Werror", "-O1", "-fPIC", "-shared", f"-Wl,-soname,{LIBRARY}"]
    subprocess.run([*command, str(SOURCE), "-o", str(target), "-lm"], check=True, timeout=PATIENCE_S)
    return target


@dataclass
class Sdk:
    folder: Path
    installed: bool = True
    plugs: int = 0
    cameras: dict[str, str] = field(default_factory=dict)
    """Serial number -> its line in `cameras`."""

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        if self.installed:
            self.install()
        self.plug(SERIAL)

    @property
    def environment(self) -> dict[str, str]:
        return {"PIXELINK_SDK_LIB": str(self.folder), "LD_LIBRARY_PATH": str(self.folder)}

    def install(self, version: str = VERSION) -> None:
        for name in (f"{LIBRARY}.{version}", LIBRARY):
            shutil.copy(compiled(), self.folder / name)

    # What is plugged in

    def plug(self, serial: str, colours: str = "colour") -> None:
        """`colour` or `mono`. A camera that was unplugged comes back with its own settings."""
        self.plugs += 1
        self.cameras[serial] = f"{serial} {colours} {self.plugs}\n"
        self._write("cameras", "".join(self.cameras.values()))

    def unplug(self, serial: str = SERIAL) -> None:
        self.cameras.pop(serial)
        self._write("cameras", "".join(self.cameras.values()))

    # What goes wrong

    def fails(self, function: str, code: int | str, times: int = 0) -> None:
        """`code` is the SDK's, `hang` or `torn`; for good when `times` is 0."""
        self._write(f"fault.{function}", f"{code} {times}" if times else f"{code}")

    def works(self, function: str) -> None:
        (self.folder / f"fault.{function}").unlink(missing_ok=True)

    def failed(self, function: str) -> bool:
        """Whether the fault has occurred `times` times."""
        return not (self.folder / f"fault.{function}").exists()

    def limits(self, feature: int, minimum: float, maximum: float) -> None:
        self._write("limits", f"{feature} {minimum} {maximum}\n")

    def lacks(self, *features: int) -> None:
        self._write("limits", "".join(f"{feature} none\n" for feature in features))

    def clips(self) -> None:
        """From now on a value out of range is brought into it, with the SDK's warning."""
        self._write("clips", "")

    # What the camera itself says

    def has(self, feature: int, serial: str = SERIAL) -> list[float]:
        state = (self.folder / f"camera-{serial}").read_bytes()
        return list(struct.unpack_from(f"{PARAMETERS}f", state, VALUES_AT + 4 * PARAMETERS * feature))

    def is_turned(self, feature: int, value: float, serial: str = SERIAL) -> None:
        """Another program, or a user, changes a value of the camera."""
        with (self.folder / f"camera-{serial}").open("r+b") as state:
            state.seek(VALUES_AT + 4 * PARAMETERS * feature)
            state.write(struct.pack("f", value))

    def streams(self, serial: str = SERIAL) -> bool:
        state = (self.folder / f"camera-{serial}").read_bytes()
        return bool(struct.unpack_from("I", state, STREAMING_AT)[0])

    def _write(self, name: str, text: str) -> None:
        """Write in one step, so that no reader sees half of the content."""
        new = self.folder / f"{name}.new"
        new.write_text(text)
        os.replace(new, self.folder / name)


if __name__ == "__main__":
    Sdk(Path(sys.argv[1]))
