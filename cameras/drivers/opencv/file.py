"""A video file, played at its own rate in a loop."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import cv2

from cameras.drivers.base import Applied, CameraError, Clock, FrameData, SettingRange, remaining
from cameras.drivers.opencv.source import FORMATS, Image, capture, open_regular_file, rgb, suffix
from cameras.drivers.parts import FramesAhead

LONGEST_STEP_S = 10.0
"""A longer step between two time stamps is an error in the file and counts as one frame."""
LATEST_S = 2.0
"""After a longer pause, playback continues where it stopped."""
CATCH_UP_S = 1.0
"""The limit of catching up with a file that is decoded more slowly than it plays."""
STREAMING_S = 1.0
"""A reader that requested a frame within this time gets every frame, including those read for a still."""
READ_TIMEOUT_MS = 5_000
UNITS = {"fps": "1/s", "width": "px", "height": "px"}


class VideoFile:
    """A `Source` that plays a file in real time. `path` is as for `LoopedFile`."""

    model = "Video file"

    def __init__(self, path: str, clock: Clock, deadline: float) -> None:
        self.path, self._clock = path, clock
        self._ahead = FramesAhead(clock, STREAMING_S)
        self._number = 0
        self._file = LoopedFile(path, clock, deadline)
        self._origin = clock.monotonic()

    def close(self) -> None:
        self._file.close()

    def check_present(self) -> None:
        """Nothing to check: an open file stays readable even if it is deleted."""

    def next_frame(self, deadline: float) -> FrameData | None:
        return self._ahead.next() or self._read(deadline)

    def next_still(self, deadline: float) -> FrameData | None:
        """The first frame that becomes due from now on."""
        self._catch_up(self._file.interval)
        if self._clock.monotonic() >= self._due:
            # Due before the request: a frame of the stream, but too old for the still.
            self._ahead.add(self._frame())
            self._catch_up(0.0)
        frame = self._read(deadline)
        if frame is not None:
            self._ahead.add(frame)
        return frame

    def apply(self, values: dict[str, Any], deadline: float) -> Applied:
        actual = self.actual()
        differing = {name: requested for name, requested in values.items() if requested != actual.get(name)}
        return Applied(
            actual, [_setting_warning(name, requested, actual.get(name)) for name, requested in differing.items()]
        )

    def use_for_stream(self, values: dict[str, Any]) -> None:
        """Nothing: the frames of a file are what they are."""

    def overridden(self, values: dict[str, Any], deadline: float) -> AbstractContextManager[Applied]:
        return nullcontext(self.apply(values, deadline))

    def actual(self) -> dict[str, Any]:
        return self._file.properties()

    def own(self) -> dict[str, Any]:
        return self.actual()

    def ranges(self) -> dict[str, SettingRange]:
        return {name: SettingRange(unit, read_only=True) for name, unit in UNITS.items()}

    def _read(self, deadline: float) -> FrameData | None:
        self._catch_up(self._file.interval)
        now, due = self._clock.monotonic(), self._due
        if due > deadline:
            self._clock.wait(max(0.0, deadline - now))
            return None
        if due > now and self._clock.wait(due - now):
            return None
        return self._frame()

    @property
    def _due(self) -> float:
        return self._origin + self._file.time

    def _catch_up(self, late: float) -> None:
        """Grab frames until one is at most `late` seconds overdue, or the wait is interrupted."""
        began = self._clock.monotonic()
        if not self._file.has_grabbed:
            self._file.grab()
        while (overdue := (now := self._clock.monotonic()) - self._due) > late:
            if overdue > LATEST_S or now - began > CATCH_UP_S:
                # The timeline moves, and no frame is skipped for it: a slow machine would otherwise skip for ever and
                # deliver none.
                self._origin += overdue
                return
            # An abort or other work must not wait for up to CATCH_UP_S.
            if self._clock.wait(0):
                return
            self._file.grab()

    def _frame(self) -> FrameData:
        image = self._file.decode()
        number, self._number = self._number, self._number + 1
        return FrameData(image, self._clock.wall_ns(), self._clock.monotonic(), number)


class LoopedFile:
    """The frames of a file, again from the first one after the last. A frame is grabbed before it is decoded, or
    skipped.

    `path` is absolute and real: opening fails if a part of it was replaced by a symbolic link after it was checked.
    FFmpeg gets the open file, not its name, and only the demuxer of its extension. So a playlist or script with a
    video's extension is not opened, nor are the files and addresses in it.
    """

    def __init__(self, path: str, clock: Clock, deadline: float) -> None:
        self.path, self._clock = path, clock
        self._file = open_regular_file(path)
        try:
            self._capture = self._open_capture(deadline)
            self._timeline = Timeline(self._capture.get(cv2.CAP_PROP_FPS))
            self.grab()
        except BaseException:
            self._file.close()
            raise

    def close(self) -> None:
        self._capture.release()
        self._file.close()

    @property
    def time(self) -> float:
        """Of the grabbed frame, in seconds from the first one that was ever grabbed."""
        return self._timeline.time

    @property
    def interval(self) -> float:
        return self._timeline.interval

    def properties(self) -> dict[str, Any]:
        return {
            "fps": round(self._capture.get(cv2.CAP_PROP_FPS), 3),
            "width": int(self._capture.get(cv2.CAP_PROP_FRAME_WIDTH)),
            "height": int(self._capture.get(cv2.CAP_PROP_FRAME_HEIGHT)),
        }

    def grab(self) -> None:
        """Go on to the next frame; the one before can no longer be decoded."""
        if not self._capture.grab():
            self._rewind()
        self._timeline.stamp(self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000)
        self.has_grabbed = True

    def decode(self) -> Image:
        """The grabbed frame. CameraError for a damaged one; the next call must grab another in any case."""
        self.has_grabbed = False
        image = rgb(self._capture)
        if image is None:
            raise CameraError("The video file has a frame that cannot be decoded. Check it with another program.")
        return image

    def _rewind(self) -> None:
        """Grab the first frame, by seeking or, for a format without an index, by reopening the file."""
        if self._capture.set(cv2.CAP_PROP_POS_FRAMES, 0) and self._capture.grab():
            return
        self._capture.release()
        self._capture = self._open_capture(self._clock.monotonic() + READ_TIMEOUT_MS / 1000)
        if not self._capture.grab():
            raise self._unreadable()

    def _open_capture(self, deadline: float) -> cv2.VideoCapture:
        timeout_ms = max(1, int(remaining(self._clock, deadline) * 1000))
        options = f"protocol_whitelist;file|input_format;{FORMATS[suffix(self.path)]}"
        reader = capture(
            # The open descriptor: a path could be replaced between the check and FFmpeg's own open().
            f"/proc/self/fd/{self._file.fileno()}",
            cv2.CAP_FFMPEG,
            # As parameters: OpenCV ignores these two in `set()` after opening, and its defaults are 30 s.
            [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, timeout_ms, cv2.CAP_PROP_READ_TIMEOUT_MSEC, READ_TIMEOUT_MS],
            {"OPENCV_FFMPEG_CAPTURE_OPTIONS": options},
        )
        if not reader.isOpened():
            raise self._unreadable()
        return reader

    def _unreadable(self) -> CameraError:
        return CameraError(
            "The content of the video file does not match its extension, or is damaged. Replace the file.",
            permanent=True,
        )


class Timeline:
    """A steadily increasing time in seconds, from the time stamps of a file that plays in a loop."""

    def __init__(self, fps: float) -> None:
        # Containers without a rate report 0, and others the time base (90000).
        self.interval = 1 / fps if 1 <= fps <= 240 else 0.04
        self.time = 0.0
        self._last: float | None = None

    def stamp(self, position: float) -> None:
        """Add the next frame's `position`; a step back (the file started again) counts as one frame."""
        if self._last is not None:
            step = position - self._last
            if 0 < step < LONGEST_STEP_S:
                self.interval = step
            self.time += self.interval
        self._last = position


def _setting_warning(name: str, requested: Any, actual: Any) -> str:
    if actual is None:
        return f"A video file has no {name}; {requested:g} was requested."
    return f"The {name} of this video file is {actual:g}; {requested:g} was requested."
