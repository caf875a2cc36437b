"""A camera to test with: libgphoto2's virtual Nikon behind a port library of ours that can misbehave.

    environment = build(folder)          # what the process that shall see the camera needs
    control(folder, "hang capture once") # what the camera does from now on; port.c lists the words
    control(folder, "")                  # it behaves again
    turn(folder, "usb:001,004", ISO, 800)  # on the body of one of them
    plug(folder, "usb:001,004 6012345 battery=77 free=32000000000", "usb:001,005 6012346")  # these, from now on

Under `folder`: `pictures/` (what it takes: the first JPEG in it), `raw.nef`, `preview.jpg`, `iolibs/`, `control`
and `cameras` (cameras.c says how a line reads), which port.c finds from VCAMERADIR. Cameras that are plugged in by
`plug` can more than the virtual one (extras.c), and are held by one process at a time.

A driver keeps IOLIBS where the environment brings it. HOME is `folder` as well, because libgphoto2 remembers the
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


def control(folder: str | Path, order: str) -> None:
    """Tell the camera what to do."""
    put(Path(folder) / "control", order.encode())


def plug(folder: str | Path, *cameras: str) -> None:
    """Exactly these cameras are plugged in now: port, serial number, and what else cameras.c reads."""
    put(Path(folder) / "cameras", "".join(f"{camera}\n" for camera in cameras).encode())


def turn(folder: str | Path, port: str, dial: int, value: int) -> None:
    """Somebody turns a dial on the body of a plugged camera: a PTP property (extras.c), once for each new value."""
    put(Path(folder) / "turned", f"{port} {dial:x} {value}\n".encode())


def put(path: Path, content: bytes) -> None:
    """In one step, so that the far end never reads half of it."""
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
    subprocess.run([*command, f'-DVUSB="{vusb()}"', *sources, "-o", str(target), "-ldl"], check=True, timeout=60)


def vusb() -> Path:
    """The virtual camera that ships in the gphoto2 wheel; found without importing gphoto2."""
    package = importlib.util.find_spec("gphoto2")
    if package is None or package.origin is None:
        raise FileNotFoundError("gphoto2 is not installed: run make install.")
    return Path(package.origin).parent / "libgphoto2" / "vusb" / "vusb.so"


if __name__ == "__main__":
    print(*(f"{name}={value}" for name, value in build(sys.argv[1]).items()), sep="\n")
    plug(sys.argv[1], *sys.argv[2:])
