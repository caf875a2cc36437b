"""The interface of a camera driver. Neither this module nor any driver imports Django.

A driver is small: it opens, closes, applies settings, exposes and gives frames. The core owns threads, buffers, retries
and time. One thread uses a driver; only `abort`, `set_faults` and `Exposure.fetch` may be called from others. What only
some cameras can do is in `abilities.py`.
"""

from __future__ import annotations

import re
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol, TypeAlias

from pydantic import ValidationError

from cameras.drivers.options import DriverSettings, Option, OptionValue, option_errors
from core.api.model import describe_error

# Web processes check settings by this module, and need no numpy for it: 12 MB.
if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Pixels: TypeAlias = "NDArray[np.uint8] | NDArray[np.uint16]"
REFERENCE_KIND = re.compile(r"[a-z0-9]{1,10}")
SHA256 = re.compile(r"[0-9a-f]{64}")
LONGEST_PLACE = 500


class CameraError(Exception):
    """The one exception that leaves a driver. The message names the thing, the cause and the next step.

    `reason` is a reason code of captures. `permanent`: trying again cannot help. `before_shutter`: no exposure began,
    so the same capture may be retried after reopening.
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


# Not a CameraError: most of those mean that the camera must be closed and reopened.
class Aborted(Exception):
    """`abort` ended the wait. The core called `abort` and knows the reason."""


class Clock(Protocol):
    """The core's time source, so that a test runs a night in seconds."""

    def wall_ns(self) -> int:
        """Nanoseconds since 1970, UTC; may jump."""

    def monotonic(self) -> float:
        """Seconds of a monotonic clock."""

    def wait(self, seconds: float) -> bool:
        """Wait for at most `seconds`; True when interrupted. A driver then raises `Aborted` in an exposure and returns
        None in `frame`."""


@dataclass(frozen=True, slots=True)
class Identity:
    """The identity of the opened camera. Empty text where it does not report one."""

    vendor: str = ""
    model: str = ""
    serial: str = ""
    firmware: str = ""
    library: str = ""
    """The library that drives it, with its version: `libgphoto2 2.5.34`."""


@dataclass(frozen=True, slots=True)
class SettingRange:
    """The allowed values of a setting: a range (minimum, maximum, step) or a list of choices."""

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
    """Whether it gives preview frames. They wear the camera, so they are read only while someone watches and no session
    runs."""
    kinds: tuple[str, ...] = ("jpeg",)
    """The kinds of file that a capture may give: `jpeg`, `raw`, ..."""
    width: int | None = None
    height: int | None = None
    readout_s: float = 1.0
    """The longest time from the end of the exposure until `expose` returns, in seconds."""
    overlap: int = 0
    """How many pictures may still be fetched (`Exposure.fetch`) when the next exposure begins. 0: the camera exposes
    again once it has delivered."""
    settings: dict[str, SettingRange] = field(default_factory=dict)
    options: dict[str, Option] = field(default_factory=dict)
    """What a single capture may be given beyond the settings."""


@dataclass(frozen=True, slots=True)
class Applied:
    """The settings read back after `apply`, and a sentence for each value that the camera did not accept."""

    actual: dict[str, Any]
    warnings: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class FrameData:
    """One picture in memory.

    `image` is (height, width, 3) RGB or (height, width) mono, uint8 or uint16, C-contiguous, never
    written to after it was handed out. `captured_ns` is the start of the exposure (UTC nanoseconds), or when the frame
    was read if the camera does not report it. `number` increases from frame to frame since `open`. `missed` counts the
    frames of the stream that were lost before it, for drivers that do not number frames. `stills` is set by the core.
    """

    image: Pixels
    captured_ns: int
    monotonic: float
    number: int
    simulated: bool = False
    missed: int = 0
    stills: tuple[float, float] | None = None
    """When stills were taken since the frame before, while the stream had none: begin and end in monotonic seconds."""

    @property
    def size(self) -> int:
        return int(self.image.nbytes)


@dataclass(frozen=True, slots=True)
class ExposureRequest:
    """The settings of one still. None uses the camera's setting. `options` are checked: `Driver.check_options`."""

    exposure_us: int | None = None
    gain: float | None = None
    iso: int | None = None
    f_number: float | None = None
    format: str | None = None
    options: Mapping[str, OptionValue] = field(default_factory=dict)

    def settings(self) -> dict[str, Any]:
        """The requested settings, without the format and the options."""
        values = {name: getattr(self, name) for name in ("exposure_us", "gain", "iso", "f_number")}
        return {name: value for name, value in values.items() if value is not None}


class CameraFile(Protocol):
    """A picture file made by the camera (DSLR). Its bytes are stored unchanged."""

    kind: str
    """`jpeg`, `raw`, ..."""
    suffix: str
    """The file's ending with the dot, lower case: `.jpg`, `.nef`."""
    size: int

    def chunks(self) -> Iterator[bytes | memoryview]: ...


@dataclass(frozen=True, slots=True)
class FileReference:
    """A file of a capture that stays where the camera has put it, such as the disk of a telescope's controller. This
    station does not hold it, and never says that it is verified.

    ValueError for a value that a record cannot have.
    """

    kind: str
    """`fits`, `raw`, ...: lower-case letters and digits, at most 10."""
    place: str
    """Where it is, for a reader: `host:/folder/name`, one line of at most 500 characters."""
    bytes: int | None = None
    """Its size; None where the camera does not report it."""
    sha256: str | None = None
    """Its hash in lower-case hexadecimal digits; None where it is unknown."""

    def __post_init__(self) -> None:
        if not REFERENCE_KIND.fullmatch(self.kind):
            raise ValueError(f"{self.kind!r} is no kind of file: at most 10 lower-case letters and digits.")
        if not 0 < len(self.place) <= LONGEST_PLACE or not self.place.isprintable():
            raise ValueError(
                f"The place of a file is one line of 1 to {LONGEST_PLACE} characters: {self.place[:80]!r}."
            )
        if self.bytes is not None and self.bytes < 0:
            raise ValueError(f"A file of {self.bytes} bytes is not possible. Give None where the size is unknown.")
        if self.sha256 is not None and not SHA256.fullmatch(self.sha256):
            raise ValueError(f"{self.sha256[:80]!r} is no SHA-256: 64 lower-case hexadecimal digits, or None.")


@dataclass(slots=True)
class Exposure:
    """The result of an exposure: a frame to encode, the camera's own files, or references to files that stay with the
    camera. It has at least one of them, once it is fetched, unless `missing` says what did not arrive.

    `actual` are the settings used: exposure_us, gain, iso, f_number, where the camera reports them. `missing` names the
    kinds of file that were expected and did not arrive.
    """

    started_ns: int
    ended_ns: int
    actual: dict[str, Any] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    frame: FrameData | None = None
    files: list[CameraFile] = field(default_factory=list)
    references: list[FileReference] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    temperature_celsius: float | None = None
    simulated: bool = False
    card: list[Any] = field(default_factory=list)
    """The files on the camera's card; `delete_from_card` may remove them once the record is durable."""
    fetch: Callable[[float], None] | None = None
    """Fetches a picture that the camera still holds when `expose` returns: called once, with a deadline as for
    `expose`, it fills `frame`, `files`, `references`, `missing`, `card` and `temperature_celsius`, and adds to `actual`
    and `warnings`. CameraError.

    It runs on another thread than the driver's other calls, in the order of the exposures, one at a time. Meanwhile any
    other call may come, also the next `expose` (`Capabilities.overlap`); none of them may wait for the fetch. `abort`
    does not end it; `close` does, at once, with a CameraError. It does not use `Clock.wait`, which ends with an abort
    of the exposure that runs beside it. A camera may transfer the picture as part of its next exposure: the time of
    exposures that run meanwhile does not count.
    """
    fetch_s: float = 0.0
    """The longest time that `fetch` takes, in seconds."""
    called: tuple[float, float] = (0.0, 0.0)
    """When `expose` was called, in seconds since 1970 and of `clock.monotonic()`. Set by the core."""


class Driver(ABC):
    """A camera. Every call takes a deadline (seconds of `clock.monotonic()`) and raises only CameraError
    (and `Aborted` from `expose`).

    A kind implements `open`, `close`, `capabilities`, `apply` and `expose`, and `frame` if it has a stream. Each other
    method is right for a camera that cannot do more.
    """

    kind: ClassVar[str]
    simulated: ClassVar[bool] = False
    example: ClassVar[str] = ""
    """An example of an address, where it is more than a name or a number."""
    settings_model: ClassVar[type[DriverSettings]] = DriverSettings
    numbers_frames: ClassVar[bool] = False
    """Whether a gap in `FrameData.number` means that frames of the stream were lost."""

    max_retry_interval_s: ClassVar[float] = 60.0
    """The longest interval, in seconds, between attempts to open a camera that is absent or faulty. A permanent
    failure, such as a wrong password, is always retried once a minute: many cameras lock out users who try more
    often."""

    makes_files: ClassVar[bool] = False
    """Whether a still is the camera's own files, which are stored unchanged, and not a frame."""

    stills_from_stream: ClassVar[bool] = False
    """Whether a still is a frame of the stream, which readers of the stream get as well."""

    def __init__(self, address: str, clock: Clock) -> None:
        self.address = address
        self.clock = clock

    @property
    def transfer(self) -> Literal["linear", "srgb"]:
        """How the values of a frame follow the light: `linear` in proportion, or `srgb` by the curve of IEC 61966-2-1,
        as the pictures of most cameras nearly do."""
        return "srgb"

    @classmethod
    def check_address(cls, address: str, sources: list[str]) -> str:
        """The address in its normal form, or ValueError with a sentence that says what is allowed.

        `sources` are the folders that the configuration lists for files. Opens nothing.
        """
        return address.strip()

    @classmethod
    def validated(cls, settings: dict[str, Any]) -> dict[str, Any]:
        """`settings` validated by `settings_model`, without those left to the camera. CameraError rejected_setting."""
        try:
            return cls.settings_model.model_validate(settings).model_dump(exclude_none=True)
        except ValidationError as error:
            first = error.errors()[0]
            name = ".".join(str(part) for part in first["loc"]) or "settings"
            raise CameraError(
                f"{name}: {describe_error(first)} Correct the setting.", reason="rejected_setting"
            ) from None

    @abstractmethod
    def open(self, deadline: float) -> Identity: ...

    @abstractmethod
    def close(self) -> None:
        """Idempotent; never raises, not even for an unplugged camera. Ends a fetch that is in progress."""

    @abstractmethod
    def capabilities(self) -> Capabilities: ...

    @abstractmethod
    def apply(self, settings: dict[str, Any], deadline: float) -> Applied:
        """Apply the values in `settings` (a dump of `settings_model`) that are not None, and read all settings back."""

    def read_back(self, deadline: float) -> dict[str, Any]:
        """Read the camera's settings without changing them: someone may have turned a dial on its body. Leaves out
        settings overridden for an exposure; empty where the camera does not report them. Called every few seconds, so
        it must be quick."""
        return {}

    @classmethod
    def stream_fps(cls, actual: Mapping[str, Any], desired: Mapping[str, Any]) -> float | None:
        """Frames per second that its stream should have: the rate that the camera reports (`actual`), or less if a
        `desired` exposure takes longer than that. None for a stream that has no set rate."""
        fps = actual.get("fps")
        if not fps or fps <= 0:
            return None
        # Not the actual one, which may be that of an automatic exposure: if that makes the stream slow in the dark, the
        # camera delivers less than it is set to.
        exposure_us = desired.get("exposure_us")
        return min(float(fps), 1e6 / exposure_us) if exposure_us else float(fps)

    def dry_run(self, request: ExposureRequest, deadline: float) -> Applied:
        """The settings that an exposure with `request` would use, and a sentence for each value the camera does not
        have.

        Does not expose, and leaves the applied settings in force.
        """
        return Applied({})

    def check_options(self, options: Mapping[str, Any]) -> None:
        """CameraError rejected_setting for an option that the camera does not declare, or a value that it does not
        take. Called before each exposure and each `dry_run` that has options."""
        for name, sentence in option_errors(self.capabilities().options, options).items():
            message = f"The option {name}: {sentence}" if name else sentence
            raise CameraError(message, reason="rejected_setting", permanent=True, before_shutter=True)

    @abstractmethod
    def expose(self, request: ExposureRequest, deadline: float) -> Exposure: ...

    def frame(self, deadline: float) -> FrameData | None:
        """The next frame of the stream or preview; None when the deadline passed or the wait was interrupted."""
        raise CameraError(f"A {self.kind} camera has no stream of frames.", permanent=True)

    def check_alive(self, deadline: float) -> None:
        """Ask the idle camera for a sign of life. CameraError when it turns out to be gone.

        Called every few seconds while nothing else uses the camera, so it must be quick and change nothing. A driver
        whose `temperature`, `supplies` or `read_back` asks the camera itself needs no other sign.
        """

    def temperature(self) -> float | None:
        """Celsius, or None if the camera does not report it. CameraError when the camera turns out to be gone."""
        return None

    def abort(self) -> None:
        """From any thread: end a running exposure as soon as the hardware allows. A fetch goes on."""


def remaining(clock: Clock, deadline: float) -> float:
    """Seconds until the deadline; CameraError too_slow when it has passed."""
    left = deadline - clock.monotonic()
    if left <= 0:
        raise CameraError("The camera took longer than allowed.", reason="too_slow")
    return left


class SystemClock:
    """The machine's clocks, for tools and tests: `wait` cannot be interrupted."""

    def wall_ns(self) -> int:
        return time.time_ns()

    def monotonic(self) -> float:
        return time.monotonic()

    def wait(self, seconds: float) -> bool:
        time.sleep(max(0.0, seconds))
        return False
