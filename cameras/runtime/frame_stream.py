"""The frames of an open camera: its live view, and the packets that other threads copy from it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from cameras.drivers.abilities import PacketSource, StoppableStream
from cameras.drivers.base import CameraError, FrameData
from cameras.drivers.packets import PacketSink
from cameras.runtime.camera_settings import APPLY_S
from cameras.runtime.clock import ClockOffset
from cameras.runtime.device_timing import DeviceTiming, RetrySchedule
from cameras.runtime.watched_driver import WatchedDriver

FRAME_S = 2.0


class FrameStream:
    """Used by the camera loop's thread. CameraError when no frame has arrived for longer than one may take."""

    def __init__(
        self,
        driver: WatchedDriver,
        timing: DeviceTiming,
        retries: RetrySchedule,
        clock_offset: ClockOffset,
        packets: PacketSink,
    ) -> None:
        self._driver, self._timing, self._retries = driver, timing, retries
        self._clock_offset, self._packets = clock_offset, packets
        self._is_live = False
        self._waited_s = 0.0
        """Since the last picture."""
        self._stills: tuple[float, float] | None = None
        """Begin and end of the stills since the last frame."""
        self._still_began = 0.0

    def read_frame(self, within_s: float) -> FrameData | None:
        """The next frame; None when none arrived in time, or when other work arrived."""
        clock = self._driver.clock
        # Before the call: it may raise the mirror and still give no frame.
        began, self._is_live = clock.monotonic(), True
        try:
            with self._driver.watch_call("waiting for a frame", FRAME_S):
                frame = self._driver.driver.frame(began + min(FRAME_S, within_s))
        except CameraError as error:
            self._retries.record_failed_picture(error.reason)
            raise
        if frame is None:
            self._check_frames_arrive(clock.monotonic() - began)
            return None
        self.record_picture()
        if self._stills is not None:
            frame, self._stills = replace(frame, stills=self._stills), None
        return self._clock_offset.correct_frame(frame, clock.wall_ns(), self._timing.shutter_s)

    @contextmanager
    def interrupted_by_still(self) -> Iterator[None]:
        """Around a still: the next frame has its time, so that a recording knows why it has no frames of it."""
        self._still_began = began = self._driver.clock.monotonic()
        try:
            yield
        finally:
            # Where stills are frames of the stream, it goes on.
            if not self._driver.driver.stills_from_stream:
                began = self._stills[0] if self._stills else began
                self._stills = began, self._driver.clock.monotonic()

    def with_still_time(self, frame: FrameData) -> FrameData:
        """The frame of a still that has just been taken: it may have waited for the end of a frame of the stream."""
        return replace(frame, stills=(self._still_began, self._driver.clock.monotonic()))

    def wait_for_packets(self, within_s: float) -> None:
        """Wait `within_s` seconds, or until there is other work, while other threads copy packets."""
        self.end_live_view()
        clock, driver = self._driver.clock, self._driver.driver
        began, before = clock.monotonic(), self._packets.frames
        clock.wait(within_s)
        if isinstance(driver, PacketSource):
            driver.check_packets()
        if self._packets.frames != before:
            self.record_picture()
        else:
            self._check_frames_arrive(clock.monotonic() - began)

    def _check_frames_arrive(self, waited_s: float) -> None:
        # A sum, because a wait ends early for each command and for the next start of a session.
        self._waited_s += waited_s
        if self._waited_s > self._timing.frame_allowed_s:
            waited, self._waited_s = self._waited_s, 0.0
            raise CameraError(f"The stream has sent no frame for {waited:.0f} s, so the camera is reopened.")

    def record_picture(self) -> None:
        """A picture arrived, from the stream or an exposure: the camera works."""
        self._waited_s = 0.0
        self._retries.record_picture()

    def end_live_view(self) -> None:
        """No consumer wants frames any more."""
        if self._is_live:
            self._is_live, self._waited_s = False, 0.0
            driver = self._driver.driver
            if isinstance(driver, StoppableStream):
                with self._driver.watch_call("ending the live view", APPLY_S) as deadline:
                    driver.stop_frames(deadline)

    @property
    def has_stills(self) -> bool:
        """Whether an exposure also arrives as a frame of the stream."""
        return self._is_live and self._driver.driver.stills_from_stream

    def record_opened(self) -> None:
        self._waited_s = 0.0

    def record_closed(self) -> None:
        self._is_live = False
