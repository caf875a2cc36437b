"""Feeds the frames of the camera to the consumers that want them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

from cameras.drivers.base import CameraError
from cameras.runtime.buffer import SharedFrameBuffer
from cameras.runtime.clock import CameraClock
from cameras.runtime.command_inbox import CommandInbox
from cameras.runtime.consumers import FrameConsumer
from cameras.runtime.device import Device
from cameras.runtime.frame_stream import FRAME_S
from cameras.runtime.session_runner import Due, SessionRunner

PACKET_CHECK_S = 1.0
"""Seconds between checks that copied packets still arrive."""
PREVIEW_ENDS_S = 60.0
"""Seconds before a window of a session from which on there is no live view by preview."""
PREVIEW_PAUSE_S = 60.0
"""Seconds from a failed live view to the next try."""


class FrameFeed:
    """Used by the camera loop's thread."""

    def __init__(
        self,
        device: Device,
        buffer: SharedFrameBuffer,
        consumers: Iterable[FrameConsumer],
        runner: SessionRunner,
        inbox: CommandInbox,
        clock: CameraClock,
        handle_error: Callable[[CameraError], None],
    ) -> None:
        self._device, self._buffer, self._consumers, self._runner = device, buffer, consumers, runner
        self._inbox, self._clock, self._handle_error = inbox, clock, handle_error
        self._preview_at = 0.0

    @property
    def is_wanted(self) -> bool:
        return self._buffer.wants_packets or self._are_frames_wanted

    @property
    def _are_frames_wanted(self) -> bool:
        return any(consumer.wants_frames for consumer in self._consumers)

    def feed_or_wait(self, due: Due | None, run_in_s: float = math.inf, *, holds_captures: bool = False) -> None:
        """Read one frame, check that packets arrive, or wait: until the next start of a session, new work or the begin
        of a planned run in `run_in_s` seconds, and for at most a second or a frame. An error of a camera that gives no
        frame is handled. `holds_captures`: no still can begin now, although some may wait."""
        within_s = min(due.in_s if due else FRAME_S, run_in_s)
        try:
            if self._are_frames_wanted and self._may_stream(due):
                self._use_settings_of_session(due)
                frame = self._device.stream.read_frame(within_s)
                if frame is not None:
                    self._buffer.put_frame(frame)
                return
            if self._buffer.wants_packets:
                wait_s = self._inbox.idle_s(min(PACKET_CHECK_S, within_s), holds_captures=holds_captures)
                self._device.stream.wait_for_packets(wait_s)
                return
        except CameraError as error:
            self._handle_missing_frame(error)
            return
        try:
            self._device.stream_settings.restore()
            self._device.stream.end_live_view()
        except CameraError as error:
            self._handle_error(error)
            return
        self._clock.wait(self._inbox.idle_s(min(1.0, within_s), holds_captures=holds_captures))

    def _use_settings_of_session(self, due: Due | None) -> None:
        """Live view of a session has the light of its captures. A recording keeps the camera's own settings: a viewer
        must not change what is stored."""
        session, settings = self._runner.session, self._device.stream_settings
        is_stored = any(consumer.wants_frames and consumer.keeps_frames for consumer in self._consumers)
        if session is None or not session.is_running or is_stored:
            settings.restore()
        elif due is not None:
            # Without a due start, as while a picture is fetched, the last ones stay.
            settings.use(due.requested)

    def _may_stream(self, due: Due | None) -> bool:
        """Whether frames may be read. A preview raises the mirror and warms the sensor: none during a session, nor
        shortly before a window of it."""
        can, session = self._device.capabilities, self._runner.session
        if can.stream:
            return True
        is_free = session is None or not session.active
        if session is not None and session.state == "waiting":
            is_free = due is not None and due.in_s > PREVIEW_ENDS_S
        return can.preview and self._clock.monotonic() >= self._preview_at and is_free

    def _handle_missing_frame(self, error: CameraError) -> None:
        """A camera without a live view (in some positions of its dial) may still take stills: it is reopened at once,
        and the live view is paused. The camera has failed only if it does not open."""
        self._handle_error(error)
        # An unplugged camera is tried with back-off like any other.
        if not self._device.capabilities.stream and error.reason != "camera_unreachable":
            self._preview_at = self._clock.monotonic() + PREVIEW_PAUSE_S
            self._device.retry_now()
