"""One camera process for each kind of camera and each mode of use, all at once."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uuid6

from tests.harness.camera_processes.camera_process import AS_AT_A_STATION, CameraProcess
from tests.harness.camera_processes.dslr_driver import Dslr
from tests.harness.far_ends.gphoto2_port.build import build as build_dslr
from tests.harness.far_ends.gphoto2_port.build import scene
from tests.harness.far_ends.network.http import PICTURES, HevcServer, MjpegServer
from tests.harness.far_ends.network.rtsp import RtspServer
from tests.harness.far_ends.network.server import Server
from tests.harness.far_ends.network.video import transport_stream
from tests.harness.far_ends.pixelink.build import SERIAL, Sdk
from tests.harness.far_ends.v4l2 import usb_camera as v4l2
from tests.harness.long_runs.slopes import Used

FPS = 5
SIZE = {"width": 320, "height": 240}
CLIP_S = 4
"""Short clips show a leak of each clip soonest. An encoder's memory is constant after about fifty clips."""
DSLR = "6012345"
BREAK_S = 5.0
"""The time between two interruptions of a camera that reconnects."""
WATCHED, RECORDED, RECONNECTING, STILLS = "watched", "recorded", "reconnecting", "stills"
RECORDING = {
    "kind": "rolling", "clip_s": CLIP_S, "preset": "ultrafast", "crf": 23, "max_kbit_s": 2000, "floor_bytes": 0,
    "requested_by": "long run",
}  # fmt: skip


@dataclass
class Source:
    """The device of one camera: how its process is started, and how its connection is interrupted.
    Without `break_off` the process itself reopens the camera."""

    kind: str
    address: str = ""
    settings: dict[str, Any] = field(default_factory=dict)
    sources: list[str] = field(default_factory=list)
    variables: dict[str, str] = field(default_factory=dict)
    break_off: Callable[[], object] | None = None


class FakeDeviceProcess(CameraProcess):
    """A camera process whose environment leads to the fake device."""

    def __init__(self, root: Path, source: Source, **spec: Any) -> None:
        self.source = source
        super().__init__(
            root, str(uuid6.uuid7()), kind=source.kind, address=source.address, settings=source.settings,
            sources=source.sources, **AS_AT_A_STATION, **spec,
        )  # fmt: skip

    def environment(self) -> dict[str, str]:
        return super().environment() | self.source.variables


MakeSource = Callable[[Path, ExitStack], Source]


def simulated(_folder: Path, _stack: ExitStack) -> Source:
    return Source("simulated", settings={"fps": FPS, "exposure_us": 1000, **SIZE})


def dslr(folder: Path, _stack: ExitStack) -> Source:
    camera = Dslr(folder, build_dslr(folder))
    camera.set_pictures(scene())
    camera.plugged(f"usb:001,004 {DSLR}")
    return Source("gphoto2", DSLR, variables=camera.environment)


def file(folder: Path, _stack: ExitStack) -> Source:
    video = folder / "pattern.ts"
    video.write_bytes(b"".join(transport_stream(100, FPS)))
    return Source("opencv", str(video), sources=[str(folder)])


def usb(folder: Path, _stack: ExitStack) -> Source:
    camera = v4l2.UsbCamera(folder / "camera.node", v4l2.build(folder), 0)
    camera.plug()
    camera.begin("slow")
    return Source("opencv", v4l2.ADDRESS, variables=camera.environment)


def pixelink(folder: Path, _stack: ExitStack) -> Source:
    return Source("pixelink", SERIAL, variables=Sdk(folder / "sdk").environment)


def network(server: type[Server], codec: str = "") -> MakeSource:
    def made(_folder: Path, stack: ExitStack) -> Source:
        if codec:
            transport_stream(PICTURES, FPS, codec)  # now, not at the first request
        running = stack.enter_context(server(fps=FPS))
        return Source("network", running.address, break_off=running.hang_up)

    return made


KINDS: dict[str, tuple[MakeSource, tuple[str, ...]]] = {
    "simulated": (simulated, (WATCHED, RECORDED, RECONNECTING)),
    "DSLR (gphoto2)": (dslr, (WATCHED, STILLS, RECONNECTING)),
    "video file (opencv)": (file, (WATCHED, RECORDED, RECONNECTING)),
    "USB (V4L2)": (usb, (WATCHED, RECORDED, RECONNECTING)),
    "PixeLink": (pixelink, (WATCHED, RECORDED, RECONNECTING)),
    "network H.264 (RTSP)": (network(RtspServer), (WATCHED, RECORDED, RECONNECTING)),
    "network MJPEG (HTTP)": (network(MjpegServer), (WATCHED, RECORDED, RECONNECTING)),
    "network H.265 (MPEG-TS)": (network(HevcServer, "libx265"), (WATCHED, RECORDED, RECONNECTING)),
}
"""Kind -> how its fake device is made, and its modes of use. A DSLR has no stream to record."""


@dataclass
class Working:
    """A camera process in one mode of use."""

    used: Used
    process: CameraProcess
    source: Source
    broken_at: float = field(default_factory=time.monotonic)

    def until_ready(self) -> None:
        try:
            self.process.wait_for_message(lambda message: message.get("observed") == "ready")
        except queue.Empty:
            raise AssertionError(f"{self.used.kind}, {self.used.mode}: {self.process.messages[-9:]}") from None

    @property
    def works(self) -> bool:
        """Whether the last status of the process has pictures and, unless it reconnects, an open camera."""
        status = self.process.state
        pictures = status.get("frames") or status.get("last_capture")
        return bool(pictures) and (self.used.mode == RECONNECTING or status["observed"] in {"ready", "busy"})

    def use_once(self) -> None:
        self.process.drop_messages()
        if self.used.mode == STILLS:
            self.process.capture()
        elif self.used.mode == RECONNECTING and time.monotonic() - self.broken_at > BREAK_S:
            self.broken_at = time.monotonic()
            if self.source.break_off is not None:
                self.source.break_off()
            else:
                self.process.send("reopen")


@contextmanager
def working(folder: Path, redis_url: str) -> Iterator[list[Working]]:
    """All camera processes, each ready, with a live view where the mode needs one."""
    with ExitStack() as stack:
        yield [
            _started(folder / f"{number}-{mode}", kind, mode, made, stack, redis_url)
            for number, (kind, (made, modes)) in enumerate(KINDS.items())
            for mode in modes
        ]


def _started(folder: Path, kind: str, mode: str, made: MakeSource, stack: ExitStack, redis_url: str) -> Working:
    root = folder / "root"
    root.mkdir(parents=True)
    source = made(folder, stack)
    recording = RECORDING if mode == RECORDED else None
    process = stack.enter_context(FakeDeviceProcess(root, source, recording=recording))
    found = Working(Used(kind, mode), process, source)
    found.until_ready()
    if mode in {WATCHED, RECONNECTING}:
        process.send("live", qualities=["medium"], redis_url=redis_url)
    return found
