"""A USB camera for tests: `device.c`, preloaded into a Python of its own, answers for /dev/video9."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.harness.waiting import PATIENCE_S

ADDRESS = "/dev/video9"
HERE = Path(__file__).parent


def build(folder: Path) -> Path:
    library = folder / "v4l2.so"
    command = ["gcc", "-shared", "-fPIC", "-O1", "-o", str(library), str(HERE / "device.c"), "-ldl"]
    subprocess.run(command, check=True, timeout=PATIENCE_S)
    return library


@dataclass(frozen=True)
class UsbCamera:
    """Controls the fake camera. `port` is that of the process in which its drivers run."""

    node: Path
    library: Path
    port: int

    @property
    def environment(self) -> dict[str, str]:
        return {"LD_PRELOAD": str(self.library), "FAKE_V4L2": str(self.node)}

    def plug(self) -> None:
        """Plug in a camera with default settings."""
        for file in self.node.parent.glob(f"{self.node.name}*"):
            file.unlink()
        self.node.touch()

    def unplug(self) -> None:
        self.node.unlink()

    def begin(self, what: str) -> None:
        """`stall`, `late`, ...: `device.c` says what there is."""
        Path(f"{self.node}.{what}").touch()

    def end(self, what: str) -> None:
        Path(f"{self.node}.{what}").unlink()

    def offer(self, jpeg: bytes) -> None:
        """This picture, in 1280x1024."""
        Path(f"{self.node}.jpeg").write_bytes(jpeg)


@contextmanager
def playing(folder: Path) -> Iterator[UsbCamera]:
    """A process beside the camera, in which drivers can be made (`host.FarDriver`)."""
    camera = UsbCamera(folder / "camera.node", build(folder), 0)
    command = [sys.executable, "-m", "tests.harness.far_ends.v4l2.host"]
    environment = os.environ | camera.environment
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True) as host:
        assert host.stdout is not None
        try:
            yield UsbCamera(camera.node, camera.library, int(host.stdout.readline()))
        finally:
            host.kill()
