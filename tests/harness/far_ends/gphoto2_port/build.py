"""A camera to test with: libgphoto2's virtual Nikon behind a port library of ours that can misbehave.

    environment = build(folder)          # the environment of a process that sees the camera
    control(folder, "hang capture once") # the camera's behaviour from now on; port.c lists the modes
    control(folder, "")                  # it behaves again
    turn(folder, "usb:001,004", ISO, 800)  # on the body of one of them
    plug(folder, "usb:001,004 6012345 battery=77 free=32000000000", "usb:001,005 6012346")  # these, from now on

Under `folder`: `pictures/` (it takes the first JPEG in it), `raw.nef`, `preview.jpg`, `iolibs/`, `control`
and `cameras` (cameras.c says how a line reads), which port.c finds from VCAMERADIR. Cameras that are plugged in by
`plug` have more functions than the virtual one (extras.c), and one process at a time can open them.

A driver keeps IOLIBS if the environment sets it. HOME is `folder` as well, because libgphoto2 remembers the
capture target in $HOME/.gphoto/settings.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import tempfile
from functools import cache
from io import BytesIO
from pathlib import Path

from PIL import Image

from tests.harness.waiting import PATIENCE_S

FOLDER = Path(__file__).parent
ISO, EXPOSURE = 0x500F, 0x500D
"""Dials that can be turned; exposure in units of 0.1 ms."""


def build(folder: str | Path) -> dict[str, str]:
    """Compile the port library into `folder`, put a picture there, and return the environment to use it with."""
    folder = Path(folder).resolve()
    pictures, iolibs = folder / "pictures", folder / "iolibs"
    pictures.mkdir(parents=True, exist_ok=True)
    iolibs.mkdir(exist_ok=True)
    if not any(pictures.iterdir()):
        (pictures / "scene.jpg").write_bytes(scene())
    (iolibs / "misbehaving.so").write_bytes(compiled())
    return {"VCAMERADIR": str(pictures), "IOLIBS": str(iolibs), "HOME": str(folder)}


def control(folder: str | Path, line: str) -> None:
    """Set the camera's behaviour."""
    put(Path(folder) / "control", line.encode())


def plug(folder: str | Path, *cameras: str) -> None:
    """Plug in exactly these cameras: port, serial number, and the options that cameras.c reads."""
    put(Path(folder) / "cameras", "".join(f"{camera}\n" for camera in cameras).encode())


def turn(folder: str | Path, port: str, dial: int, value: int) -> None:
    """Turn a dial on the body of a plugged camera: a PTP property (extras.c), once for each new value."""
    put(Path(folder) / "turned", f"{port} {dial:x} {value}\n".encode())


def put(path: Path, content: bytes) -> None:
    """Write in one step, so that no reader sees half of the content."""
    new = path.with_name(f"{path.name}.new")
    new.write_bytes(content)
    os.replace(new, path)


def scene() -> bytes:
    """A JPEG of 640 by 424 noise, about a quarter of a megabyte: a picture in several USB transfers."""
    picture = BytesIO()
    Image.frombytes("RGB", (640, 424), os.urandom(640 * 424 * 3)).save(picture, "JPEG", quality=90)
    return picture.getvalue()


@cache
def compiled() -> bytes:
    """The port library, compiled once for all tests of a run."""
    with tempfile.TemporaryDirectory() as folder:
        compile_library(Path(folder) / "misbehaving.so")
        return (Path(folder) / "misbehaving.so").read_bytes()


def compile_library(target: Path) -> None:
    command = ["gcc", "-std=gnu11", "-Wall", "-Wextra", "-Werror", "-O1", "-fPIC", "-shared"]
    sources = sorted(str(source) for source in FOLDER.glob("*.c"))
    command += [f'-DVUSB="{vusb()}"', *sources, "-o", str(target), "-ldl"]
    subprocess.run(command, check=True, timeout=PATIENCE_S)


def vusb() -> Path:
    """The virtual camera that ships in the gphoto2 wheel; found without importing gphoto2."""
    package = importlib.util.find_spec("gphoto2")
    if package is None or package.origin is None:
        raise FileNotFoundError("gphoto2 is not installed: run make install.")
    return Path(package.origin).parent / "libgphoto2" / "vusb" / "vusb.so"


if __name__ == "__main__":
    print(*(f"{name}={value}" for name, value in build(sys.argv[1]).items()), sep="\n")
    plug(sys.argv[1], *sys.argv[2:])
