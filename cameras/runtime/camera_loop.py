"""The camera loop: the one thread that uses the driver. It opens, exposes and streams, reads settings and telemetry
in between, and each wait has a deadline. `FrameFeed` feeds the frames of the camera to the consumers that want
them."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterable

from cameras.drivers.base import CameraError
from cameras.runtime.buffer import SharedFrameBuffer
from cameras.runtime.camera_settings import SettingsReader, Telemetry
from cameras.runtime.command_runner import WRITE_OUT_S, CommandRunner
from cameras.runtime.consumers import FrameConsumer
from cameras.runtime.device import Device
from cameras.runtime.due_stills import Due
from cameras.runtime.exposure_runner import ExposureRunner
from cameras.runtime.frame_stream import FRAME_S
from cameras.runtime.ports import LoopPorts
from cameras.runtime.session_runner import SessionRunner
from cameras.runtime.session_starts import SessionStarts
from cameras.runtime.still_queue import StillParts
from cameras.runtime.storage_holder import StorageHolder


class CameraPoller:
    """Used by the camera loop's thread, with an open camera."""

    def __init__(
        self, settings_reader: SettingsReader, telemetry: Telemetry, starts: SessionStarts, ports: LoopPorts
    ) -> None:
        self._settings_reader, self._telemetry, self._starts = settings_reader, telemetry, starts
        self._inbox, self._handle_error = ports.inbox, ports.handle_error

    def poll(self, due: Due | None) -> bool:
        """Read the settings when a command requests them, and the telemetry when it is due. True when the camera was
        read, which took time."""
        try:
            # A capture that waits is exposed next: nothing but a very quick reading comes before it.
            if self._settings_reader.answer_requests(0.0 if self._inbox.has_captures else self._starts.free_s(due)):
                return True
            if not self._telemetry.is_due(self._starts.slack_s(due)):
                return False
            self._telemetry.read()
        except CameraError as error:
            self._handle_error(error)
        return True


class OpenCameraRound:
    """A round of the loop with an open camera and an open storage root. Used by the camera loop's thread."""

    def __init__(
        self, ports: LoopPorts, starts: SessionStarts, poller: CameraPoller, exposures: ExposureRunner, feed: FrameFeed
    ) -> None:
        self._inbox, self._reporter = ports.inbox, ports.reporter
        self._starts, self._poller, self._exposures, self.feed = starts, poller, exposures, feed
        self._last_was_command = False
        """Whether the last still was one of a command."""

    def run(self) -> None:
        """One still, one frame, or a wait. When both wait, stills of a session and commanded ones alternate. None
        begins while the camera has to deliver first; the still thread wakes the clock then."""
        # The camera stayed open while the storage root was lost, so nothing else reports that it is ready.
        if self._reporter.state == "reconnecting":
            self._reporter.report_state("ready")
        due = self._starts.next_due()
        # Reading took time: `due` must be computed again.
        if self._poller.poll(due):
            return
        session_waits = due is not None and due.in_s <= 0
        if not self._exposures.is_free:
            self.feed.feed_or_wait(None if session_waits else due, self._starts.run_in_s, holds_captures=True)
        elif self._inbox.has_captures and not (session_waits and self._last_was_command):
            self._last_was_command = True
            self._exposures.expose_command(self._inbox.pop_capture())
        elif due and session_waits:
            self._last_was_command = False
            self._exposures.expose_for_session(due)
        else:
            self.feed.feed_or_wait(due, self._starts.run_in_s)


RECORD_S = 0.5
"""Seconds in which an interrupted capture is recorded when the process ends."""
STORAGE_RETRY_S = 1.0
"""Seconds between tries to open a storage root that is not there."""


class CameraLoop:
    """What a round of the loop does depends on what it has:

    | storage root  | camera | a round                                                                       |
    |---------------|--------|-------------------------------------------------------------------------------|
    | lost          | any    | release the root once all stills are written; until then as without a root    |
    | not there     | any    | refuse commands; feed frames to those that want them                          |
    | open          | failed | record captures as failed, starts as missed; wait for the next try            |
    | open          | open   | one still (of a command or of the session, in turn), one frame, or a wait     |
    """

    def __init__(
        self,
        ports: LoopPorts,
        commands: CommandRunner,
        device: Device,
        starts: SessionStarts,
        exposures: ExposureRunner,
        stills: StillParts,
        open_round: OpenCameraRound,
        storage_holder: StorageHolder,
    ) -> None:
        self._clock, self._inbox, self._reporter = ports.clock, ports.inbox, ports.reporter
        self._commands, self._device, self._starts, self._exposures = commands, device, starts, exposures
        self._stills, self._open_round, self._storage_holder = stills, open_round, storage_holder
        self._is_stopping = False
        self._storage_retry_at = 0.0

    def stop(self) -> None:
        """From any thread: finish and exit. The running exposure is aborted and recorded, and the session resumes at
        the next start."""
        self._is_stopping = True
        self._exposures.abort("station_stopped")
        self._clock.wake()

    def run(self) -> None:
        # `DiskWatchdog` times calls by thread, and only a disk that blocks this one is reported.
        self._storage_holder.thread = threading.get_ident()
        while self._should_run():
            self._clock.clear_work()
            self._stills.fetcher.handle_results()
            if self._storage_holder.is_lost:
                self._release_storage()
            elif self._ensure_storage():
                self._run_round()
            else:
                self._run_without_storage()
        self._shut_down()

    def _should_run(self) -> bool:
        """Clears an abort: it was for the exposure that ran when it came. `stop` sets `_is_stopping` before it
        aborts."""
        # Before the check: the abort of a `stop` that comes after the check must still end the next exposure.
        self._clock.clear_abort()
        return not self._is_stopping

    # Without a storage root

    def _release_storage(self) -> None:
        """Release the lost root, once the still thread has written all stills. If it wrote later, a capture could get a
        second outcome in addition to that of the recovery."""
        storage_holder = self._storage_holder
        # Without waiting: this thread also feeds the frames of a recording, perhaps to another root.
        if self._stills.queue.drain(0.0):
            storage_holder.release_storage()
        else:
            self._reporter.report_state("reconnecting", storage_holder.message, storage_holder.reason)
            self._run_without_storage()

    def _ensure_storage(self) -> bool:
        """Whether stills can be written. A missing root is tried each STORAGE_RETRY_S, and when a command waits."""
        now = self._clock.monotonic()
        if self._storage_holder.storage is None and now < self._storage_retry_at and self._inbox.is_empty:
            return False
        self._storage_retry_at = now + STORAGE_RETRY_S
        return self._storage_holder.ensure_open()

    def _run_without_storage(self) -> None:
        """Stills need their root; recording (perhaps to another root) and live view only need the camera."""
        self._commands.refuse_waiting()
        # For the frames, as in `_run_round`. `idle_s` notices commands that have arrived since.
        self._clock.clear_work()
        if not self._open_round.feed.is_wanted:
            self._clock.wait(self._inbox.idle_s(STORAGE_RETRY_S))
        elif self._device.ensure_open():
            self._open_round.feed.feed_or_wait(None)
        else:
            self._clock.wait(self._inbox.idle_s(min(STORAGE_RETRY_S, self._device.next_try_s())))

    # With a storage root

    def _run_round(self) -> None:
        """Commands that arrive during a round wait for the next one, so they delay no still or frame of this round."""
        self._starts.report_records()
        self._commands.run_waiting()
        if self._storage_holder.is_lost:
            # The disk may have blocked a command for long. Only after the root is opened again, missed starts become a
            # gap with the disk as its reason.
            return
        # Else a flood of commands would end each wait before a frame arrives. `idle_s` notices them.
        self._clock.clear_work()
        self._stills.card.delete_waiting()
        self._storage_holder.refill_slots(self._clock.monotonic())
        if self._device.ensure_open():
            self._open_round.run()
        else:
            self._run_without_camera()

    def _run_without_camera(self) -> None:
        error = self._device.error
        reason, message = (error.reason, str(error)) if error else ("camera_unreachable", "It is not open yet.")
        self._commands.refuse_readings(reason, message)
        for command in self._inbox.pop_captures():
            self._exposures.record_unexposed(command, reason, message)
        # A session also ends while its camera is away, by its count or its `until`.
        self._starts.next_due((reason, message))
        self._clock.wait(self._inbox.idle_s(min(1.0, self._device.next_try_s())))

    def _shut_down(self) -> None:
        while self._inbox.has_captures and self._storage_holder.storage:
            message = "The station was stopped before this capture began."
            self._exposures.record_unexposed(self._inbox.pop_capture().command, "station_stopped", message)
        if not self._stills.queue.stop(WRITE_OUT_S):
            self._stills.fetcher.interrupt()
        # After the stills are saved, while the camera is open.
        self._stills.card.delete_waiting()
        self._device.driver.close()
        # The close ends a fetch. Without this the next recovery would record the outcome.
        self._stills.queue.drain(RECORD_S)
        # Last: it releases the lock of the spool, and another owner may decide outcomes.
        self._storage_holder.close()


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
        ports: LoopPorts,
    ) -> None:
        self._device, self._buffer, self._consumers, self._runner = device, buffer, consumers, runner
        self._inbox, self._clock, self._handle_error = ports.inbox, ports.clock, ports.handle_error
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
