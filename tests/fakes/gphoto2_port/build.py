"""A camera to test with: libgphoto2's virtual Nikon behind a port library of ours that can misbehave.

    environment = build(folder)          # what the process that shall see the camera needs
    control(folder, "hang capture once") # what the camera does from now on; port.c lists the words
    control(folder, "")                  # it behaves again

Under `folder`: `pictures/` (what the camera takes: the first JPEG in it), `iolibs/` and `control`, which
port.c finds from VCAMERADIR. A driver keeps IOLIBS where the environment brings it. HOME is `folder` as well,
because libgphoto2 remembers the capture target in $HOME/.gphoto/settings.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
from io import BytesIO
from pathlib import Path

from PIL import Image

FOLDER = Path(__file__).parent


def build(folder: str | Path) -> dict[str, str]:
    """Compile the port library into `folder`, put a picture there, and return the environment to use it with."""
    folder = Path(folder).resolve()
    pictures, iolibs = folder / "pictures", folder / "iolibs"
    pictures.mkdir(parents=True, exist_ok=True)
    iolibs.mkdir(exist_ok=True)
    if not any(pictures.iterdir()):
        (pictures / "scene.jpg").write_bytes(scene())
    compile_library(iolibs / "misbehaving.so")
    return {"VCAMERADIR": str(pictures), "IOLIBS": str(iolibs), "HOME": str(folder)}


def control(folder: str | Path, order: str) -> None:
    """Tell the camera what to do, in one step, so that it never reads half an order."""
    new = Path(folder) / "control.new"
    new.write_text(order)
    os.replace(new, Path(folder) / "control")


def scene() -> bytes:
    """A JPEG of 640 by 424 noise, about a quarter of a megabyte: a picture in several USB transfers."""
    picture = BytesIO()
    Image.frombytes("RGB", (640, 424), os.urandom(640 * 424 * 3)).save(picture, "JPEG", quality=90)
    return picture.getvalue()


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
