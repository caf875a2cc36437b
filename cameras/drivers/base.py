"""What a camera driver is. Nothing here, and nothing that a driver imports, needs Django.

A driver is small: it opens, closes, applies settings, exposes and gives frames. The core owns threads,
buffers, retries and time. A driver is used by one thread (the owner), save for `abort`.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, Field, ValidationError

from cameras.drivers.packets import PacketSink
from core.model import StrictModel
from core.outgoing import OutgoingGuard

Pixels = NDArray[np.uint8] | NDArray[np.uint16]


class CameraError(Exception):
    """The one exception that leaves a driver. The message names the thing, the cause and the next step.

    `reason` is a reason code of the ledger. `permanent` says that trying again cannot help.
    `before_shutter` says that no exposure began, so the same capture may be tried again after reopening.
    """

    def __init__(
        self,
        message: str,
        *,
        reason: Literal[
            "camera_error", "camera_unreachable", "camera_held", "rejected_setting", "too_slow", "incomplete"
        ] = "camera_error",
        permanent: bool = False,
        before_shutter: bool = False,
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.permanent = permanent
        self.before_shutter = before_shutter


class Aborted(Exception):
    """The wait was ended by `abort`; the core asked for it and knows why."""


class Clock(Protocol):
    """Time as the core gives it, so that a night can be run in a test in seconds."""

    def wall_ns(self) -> int:
        """Nanoseconds since 1970, UTC; may jump."""

    def monotonic(self) -> float:
        """Seconds of a clock that never jumps."""

    def wait(self, seconds: float) -> bool:
        """Wait at most so long; True when the wait was interrupted, which a driver answers with `Aborted`
        in an exposure and with None in `frame`."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who answered when the camera was opened. Empty text where the camera does not say."""

    vendor: str = ""
    model: str = ""
    serial: str = ""
    firmware: str = ""
    library: str = ""
    """The library that speaks to it, with its version: `libgphoto2 2.5.34`."""


@dataclass(frozen=True, slots=True)
class SettingRange:
    """What a setting may be: a range (minimum, maximum, step) or a list of choices."""

    unit: str = ""
    minimum: float | None = None
    maximum: float | None = None
    step: float | None = None
    choices: list[Any] | None = None
    read_only: bool = False


@dataclass(frozen=True, slots=True)
class Capabilities:
    stills: bool = True
    stream: bool = False
    preview: bool = False
    """Frames to look at, which cost the camera something: given while somebody looks and no session runs."""
    kinds: tuple[str, ...] = ("jpeg",)
    """The kinds of file that a capture may leave: `jpeg`, `raw`, ..."""
    width: int | None = None
    height: int | None = None
    readout_s: float = 1.0
    """The longest time from the end of the exposure to the picture in memory, in seconds."""
    settings: dict[str, SettingRange] = field(default_factory=dict)


class DriverSettings(StrictModel):
    """Settings that every driver understands; a driver's own `Settings` adds its own.

    None means: leave the camera's own value. Unknown names are refused.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    exposure_us: int | None = Field(default=None, ge=1, le=3_600_000_000, description="microseconds")
    gain: float | None = Field(default=None, ge=0, le=1000)
    iso: int | None = Field(default=None, ge=1, le=10_000_000)
    f_number: float | None = Field(default=None, gt=0, le=128)


@dataclass(frozen=True, slots=True)
class Applied:
    """What the camera has after `apply`, as read back, and a sentence for each value it would not take."""

    actual: dict[str, Any]
    warnings: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class FrameData:
    """One picture in memory.

    `image` is (height, width, 3) RGB or (height, width) mono, uint8 or uint16, C-contiguous, never
    written to after it was handed out. `captured_ns` is the start of the exposure (UTC nanoseconds), or when
    the frame was read, where the camera does not say. `number` rises from frame to frame since `open`. `missed` is how
    many of the stream came before it and were not given, where the driver does not number its frames.
    """

    image: Pixels
    captured_ns: int
    monotonic: float
    number: int
    simulated: bool = False
    missed: int = 0

    @property
    def size(self) -> int:
        return int(self.image.nbytes)


@dataclass(frozen=True, slots=True)
class Supplies:
    """What a camera uses up. None where it does not say."""

    battery_percent: float | None = None
    card_free_bytes: int | None = None
    """Free on the camera's own cards, all together."""


@dataclass(frozen=True, slots=True)
class ExposureRequest:
    """One still. None means: as the camera is set."""

    exposure_us: int | None = None
    gain: float | None = None
    iso: int | None = None
    f_number: float | None = None
    format: str | None = None


class CameraFile(Protocol):
    """A picture as the camera itself made it (DSLR): bytes that are stored as they are."""

    kind: str
    """`jpeg`, `raw`, ..."""
    suffix: str
    """The file's ending with the dot, lower case: `.jpg`, `.nef`."""
    size: int

    def chunks(self) -> Iterator[bytes | memoryview]: ...


@dataclass(slots=True)
class Exposure:
    """What an exposure gave: either a frame to encode, or the camera's own files.

    `actual` holds what the camera had: exposure_us, gain, iso, f_number, as far as it says.
    `missing` names the kinds of file that were promised and did not arrive.
    """

    started_ns: int
    ended_ns: int
    actual: dict[str, Any] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    frame: FrameData | None = None
    files: list[CameraFile] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    temperature_celsius: float | None = None
    simulated: bool = False
    card: list[Any] = field(default_factory=list)
    """What lies on the camera's own card; `forget` may remove it once the record is durable."""


class Driver(ABC):
    """A camera. Every call takes a deadline (seconds of `clock.monotonic()`) and raises only CameraError
    (and `Aborted` from `expose`)."""

    kind: ClassVar[str]
    simulated: ClassVar[bool] = False
    example: ClassVar[str] = ""
    """What an address looks like, where it is more than a name or a number."""
    Settings: ClassVar[type[DriverSettings]] = DriverSettings
    numbers_frames: ClassVar[bool] = False
    """Whether a frame of the stream that is missing in `FrameData.number` was given by the camera, and lost."""

    longest_pause_s: ClassVar[float] = 60.0
    """Seconds between two tries to open a camera that is away or does not work, at most. One that fails for good, as
    with a wrong password, is always tried once a minute: many cameras lock out a user who comes more often."""

    stills_of_stream: ClassVar[bool] = False
    """Whether a still is a frame of the stream, which gives it in its turn to whoever takes the stream."""

    def __init__(self, address: str, clock: Clock) -> None:
        self.address = address
        self.clock = clock

    @classmethod
    def check_address(cls, address: str, sources: list[str]) -> str:
        """The address in its normal form, or ValueError with a sentence that says what is allowed.

        `sources` are the folders that the configuration lists for files. Opens nothing.
        """
        return address.strip()

    @classmethod
    def detect(cls, held: Collection[str] = ()) -> list[dict[str, str]]:
        """What of this kind is attached: address, model, serial, each as text; `held_by` names a program that has it,
        where that is known, and `place` is as of `place()`. Opens no camera for long, and none at a place in `held`:
        those are Skycam's already."""
        return []

    @classmethod
    def validated(cls, settings: dict[str, Any]) -> dict[str, Any]:
        """`settings` as `Settings` takes them, without what is left to the camera; CameraError rejected_setting."""
        try:
            return cls.Settings.model_validate(settings).model_dump(exclude_none=True)
        except ValidationError as error:
            first = error.errors()[0]
            name = ".".join(str(part) for part in first["loc"]) or "settings"
            raise CameraError(f"{name}: {first['msg']}. Correct the setting.", reason="rejected_setting") from None

    @abstractmethod
    def open(self, deadline: float) -> Identity: ...

    @abstractmethod
    def close(self) -> None:
        """Idempotent; never raises for a camera that is gone."""

    @abstractmethod
    def capabilities(self) -> Capabilities: ...

    @abstractmethod
    def apply(self, settings: dict[str, Any], deadline: float) -> Applied:
        """Apply what is not None in `settings` (a dump of `Settings`) and read everything back."""

    def read_back(self, deadline: float) -> dict[str, Any]:
        """What the camera has now, without a change to it: somebody may have turned a dial on its body. Without what an
        exposure has borrowed; empty where the camera does not say. Asked every few seconds, so it must be quick."""
        return {}

    def rehearse(self, request: ExposureRequest, deadline: float) -> Applied:
        """What an exposure with `request` would be made with, and a sentence for each value the camera lacks.

        No shutter; the applied settings hold for whatever asks for nothing else.
        """
        return Applied({})

    @abstractmethod
    def expose(self, request: ExposureRequest, deadline: float) -> Exposure: ...

    def frame(self, deadline: float) -> FrameData | None:
        """The next frame of the stream or preview; None when the deadline passed or the wait was interrupted."""
        raise CameraError(f"A {self.kind} camera gives no stream of frames.", permanent=True)

    @classmethod
    def destination(cls, address: str) -> tuple[str, int] | None:
        """Host and port that an address in its normal form leads to; None where no connection is made."""
        return None

    def guard_connections(self, guard: OutgoingGuard) -> None:
        """Told before `open`: what its address may lead to. Only a driver that connects somewhere heeds it."""

    def copy_to(self, sink: PacketSink) -> None:
        """Told before `open`: where the camera's own coded pictures go as they come, while somebody wants them there.
        Only a driver whose camera sends such, of a kind that browsers play, does anything with it."""

    def attend(self) -> None:
        """CameraError when packets that were copied have ended. Asked while they come and nobody wants frames; must not
        wait."""

    def rest(self, deadline: float) -> None:
        """Nobody wants frames for now: what `frame` set going (a raised mirror, a warm sensor) may end."""

    def forget(self, exposure: Exposure, deadline: float) -> None:
        """Remove from the camera's card what `exposure.card` names. Called once the record is durable."""

    def place(self) -> str:
        """Where the open camera hangs now: `usb:001,004`, a device such as `/dev/video0`, or its serial number where a
        vendor's library knows of no ports. Detection leaves it alone, and a reset of its USB device finds it there.
        Empty for a camera that is no device of this machine."""
        return ""

    def cause(self, faults: dict[str, Any], told: Callable[[dict[str, Any], str], None]) -> dict[str, Any]:
        """From any thread: go wrong in these ways and no others from now on; answers with those that are on. `told`
        hears of each change: those that are on, and which one has struck. Only a simulated camera can."""
        raise CameraError(
            f"A {self.kind} camera has no faults to switch on; only a simulated one has.", reason="rejected_setting"
        )

    def temperature(self) -> float | None:
        """Celsius, or None where the camera does not say. CameraError when the camera is found to be gone."""
        return None

    def supplies(self, deadline: float) -> Supplies:
        """Battery and card. CameraError when the camera is found to be gone."""
        return Supplies()

    def abort(self) -> None:
        """From another thread: end a running exposure as soon as the hardware lets it."""


def remaining(clock: Clock, deadline: float) -> float:
    """Seconds until the deadline; CameraError too_slow when it is over."""
    left = deadline - clock.monotonic()
    if left <= 0:
        raise CameraError("The camera took longer than it was given.", reason="too_slow")
    return left


class SystemClock:
    """The machine's clocks. `wait` sleeps without being interruptible: for tools and tests."""

    def wall_ns(self) -> int:
        return time.time_ns()

    def monotonic(self) -> float:
        return time.monotonic()

    def wait(self, seconds: float) -> bool:
        time.sleep(max(0.0, seconds))
        return False
