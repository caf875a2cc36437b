"""Drivers in a process that has the camera preloaded, for tests in another one."""

from __future__ import annotations

import os
import threading
from collections.abc import Collection
from multiprocessing.managers import BaseManager
from typing import Any

from cameras.drivers.base import (
    Applied,
    Capabilities,
    Clock,
    Exposure,
    ExposureRequest,
    FrameData,
    Identity,
    SystemClock,
)
from cameras.drivers.opencv import OpencvDriver, v4l2_devices
from tests.harness.far_ends.v4l2.usb_camera import ADDRESS

CALLS = (
    "open", "close", "capabilities", "apply", "read_back", "use_for_stream", "expose", "frame", "check_alive",
    "device_location",
)  # fmt: skip


class Discoverer:
    """Discovery, and the values of controls as the kernel reports them."""

    def discover(self, held: Collection[str]) -> list[dict[str, str]]:
        return OpencvDriver.discover(held)

    def control(self, number: int) -> int | None:
        with v4l2_devices.open_node(ADDRESS) as node:
            return node.value(number)


class Host(BaseManager):
    pass


Host.register("driver", callable=lambda address: OpencvDriver(address, SystemClock()), exposed=CALLS)
Host.register("discoverer", callable=Discoverer, exposed=("discover", "control"))


def connected(port: int) -> Any:
    host = Host(("127.0.0.1", port), authkey=b"camera")
    host.connect()
    return host


class FarDriver(OpencvDriver):
    """The same calls, done beside the camera of the process at FAKE_V4L2_HOST. Both have the kernel's clock."""

    def __init__(self, address: str, clock: Clock) -> None:
        super().__init__(address, clock)
        self._far: Any = connected(int(os.environ["FAKE_V4L2_HOST"])).driver(address)

    def open(self, deadline: float) -> Identity:
        return self._far.open(deadline)

    def close(self) -> None:
        self._far.close()

    def capabilities(self) -> Capabilities:
        return self._far.capabilities()

    def apply(self, settings: dict[str, Any], deadline: float) -> Applied:
        return self._far.apply(settings, deadline)

    def read_back(self, deadline: float) -> dict[str, Any]:
        return self._far.read_back(deadline)

    def use_for_stream(self, settings: dict[str, Any], deadline: float) -> None:
        self._far.use_for_stream(settings, deadline)

    def expose(self, request: ExposureRequest, deadline: float) -> Exposure:
        return self._far.expose(request, deadline)

    def frame(self, deadline: float) -> FrameData | None:
        return self._far.frame(deadline)

    def check_alive(self, deadline: float) -> None:
        self._far.check_alive(deadline)

    def device_location(self) -> str:
        return self._far.device_location()


def end_with_parent() -> None:
    """The pipe from the tests closes when they end, for any reason."""
    os.read(0, 1)
    os._exit(0)


if __name__ == "__main__":
    server = Host(("127.0.0.1", 0), authkey=b"camera").get_server()
    threading.Thread(target=end_with_parent, daemon=True).start()
    print(server.address[1], flush=True)
    server.serve_forever()
