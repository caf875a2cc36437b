"""Whether frames come at the rate that the camera is set to, and where there is none for longer than two intervals.

Times are seconds of the frames' monotonic clock, so that a queue that is behind changes nothing.
"""

from __future__ import annotations

import heapq
from collections import deque
from operator import itemgetter
from statistics import median
from typing import NamedTuple

from cameras.spool.records import MAX_HOLES, DeliveryContent, HoleContent, HoleReason
from captures.recordings.recorder.tracks import FrameOrPacket

HOLE_INTERVALS = 2.0
"""Frames that are further apart than this many intervals leave a hole."""
TOLERANCE = 1.01
"""Clocks of cameras differ a little, and frames jitter: one missing frame is just two intervals."""
STILL_INTERVALS = 3.0
"""What a hole may have beside the time of its stills: up to a frame before them, up to one after them, and jitter."""
LEARNED = 15
"""Intervals from which the usual one is learned, for cameras without a set rate."""
LEARNED_ENOUGH = 5
RECENT_S = 60.0
SHORT_S = 5.0
"""Frames of a shorter time do not tell a rate."""


class Interval(NamedTuple):
    """The time from the frame before to this one. `usual_s` is None while it is unknown."""

    begin: float
    end: float
    stills_s: float
    """In which no frame could come: the time of the stills and, if they explain the interval, all but a usual one."""
    fps: float | None
    usual_s: float | None

    @property
    def length_s(self) -> float:
        return self.end - self.begin

    @property
    def is_hole(self) -> bool:
        return self.usual_s is not None and self.length_s > HOLE_INTERVALS * TOLERANCE * self.usual_s

    @property
    def streamed_s(self) -> float:
        return self.length_s - self.stills_s

    @property
    def due_frames(self) -> float:
        """By the set rate; 0 without one."""
        return self.streamed_s * (self.fps or 0.0)

    def missing_frames(self) -> int:
        return 0 if self.usual_s is None else max(1, round(self.length_s / self.usual_s) - 1)

    def reason(self, lost: int) -> HoleReason:
        """`lost`: frames that came in this time and were lost here."""
        if lost:
            return "lost"
        is_explained = self.stills_s > 0 and self.length_s - self.stills_s <= HOLE_INTERVALS * (self.usual_s or 0.0)
        return "still" if is_explained else "not_delivered"


class Intervals:
    """The intervals of one stream of frames."""

    def __init__(self) -> None:
        self._newest: float | None = None
        self._recent: deque[float] = deque(maxlen=LEARNED)

    def next(self, at: float, fps: float | None, stills: tuple[float, float] | None = None) -> Interval | None:
        """None for the first frame, and for one that is not newer. `fps` is the set rate; None if there is none."""
        before = self._newest
        if before is not None and at <= before:
            return None
        self._newest = at
        if before is None:
            return None
        usual_s = self._usual_s(fps)
        interval = Interval(before, at, _stills_s(before, at, stills, usual_s), fps, usual_s)
        self._recent.append(interval.length_s)
        return interval

    def _usual_s(self, fps: float | None) -> float | None:
        if fps:
            return 1 / fps
        return median(self._recent) if len(self._recent) >= LEARNED_ENOUGH else None


def _stills_s(begin: float, end: float, stills: tuple[float, float] | None, usual_s: float | None) -> float:
    overlap_s = 0.0 if stills is None else max(0.0, min(end, stills[1]) - max(begin, stills[0]))
    rest_s = end - begin - overlap_s
    if not overlap_s or usual_s is None or rest_s > STILL_INTERVALS * usual_s:
        return overlap_s
    # The frame of this interval waited for the still, or for its next turn after it.
    return max(overlap_s, end - begin - usual_s)


def stills_before(frame: FrameOrPacket) -> tuple[float, float] | None:
    """Packets are copied on: a still does not interrupt them."""
    return getattr(frame, "stills", None)


class ClipDelivery:
    """The rate that the camera was set to during a clip, and the clip's holes."""

    def __init__(self) -> None:
        self._intervals = Intervals()
        self._began: float | None = None
        self._fps: float | None = None
        self._rated_frames = self._rated_s = self._measured_s = self._stills_s = self._hole_s = 0.0
        self._holes = 0
        self._longest: list[tuple[float, float, int, HoleReason]] = []
        """A heap of length, begin, missing frames and reason."""
        self.after: HoleReason | None = None
        """Why no frame followed it, while the recording went on."""

    def add(self, at: float, fps: float | None, stills: tuple[float, float] | None = None, lost: int = 0) -> None:
        """A frame of the clip, or the one with which the next clip continues. `lost`: frames that were lost before."""
        self._fps = fps
        self._began = at if self._began is None else self._began
        interval = self._intervals.next(at, fps, stills)
        if interval is None:
            return
        self._measured_s += interval.length_s
        self._stills_s += interval.stills_s
        if fps:
            self._rated_s += interval.length_s
            self._rated_frames += interval.length_s * fps
        if interval.is_hole:
            self._add_hole(interval, interval.begin - self._began, lost)

    def _add_hole(self, interval: Interval, begin_s: float, lost: int) -> None:
        self._holes, self._hole_s = self._holes + 1, self._hole_s + interval.length_s
        hole = (interval.length_s, begin_s, interval.missing_frames(), interval.reason(lost))
        if len(self._longest) < MAX_HOLES:
            heapq.heappush(self._longest, hole)
        else:
            heapq.heappushpop(self._longest, hole)

    def content(self) -> DeliveryContent:
        content = DeliveryContent(
            expected_fps=self._expected_fps(), stills_s=round(self._stills_s, 6), hole_count=self._holes,
            hole_s=round(self._hole_s, 6),
            holes=[
                HoleContent(begin_s=round(begin, 6), end_s=round(begin + length, 6), frames=frames, reason=reason)
                for length, begin, frames, reason in sorted(self._longest, key=itemgetter(1))
            ],
        )  # fmt: skip
        return {**content, "after": self.after} if self.after else content

    def _expected_fps(self) -> float | None:
        """The mean of the set rate, which may be changed during a clip."""
        if not self._measured_s:
            return self._fps
        # The rate is known a moment after the camera is open.
        return round(self._rated_frames / self._rated_s, 3) if self._rated_s > self._measured_s / 2 else None


class RecentRates(NamedTuple):
    """Of the last minute. `delivered_percent` of the frames that were due by the set rate; None without a set rate, and
    before a minute of it is over."""

    actual_fps: float | None = None
    delivered_percent: float | None = None


class RecentDelivery:
    """The frames of the last minute of a recording, over all of its clips, and its holes since its begin. The
    recorder's thread writes it, any thread reads `rates`, which is replaced as a whole, and `holes`."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.rates, self.holes = RecentRates(), 0
        self._intervals = Intervals()
        self._fps: float | None = None
        self._begin_minute(None)

    def _begin_minute(self, at: float | None) -> None:
        self._began = at
        self._recent: deque[Interval] = deque()
        self._streamed_s = self._due = 0.0

    def add(self, at: float, fps: float | None, stills: tuple[float, float] | None = None) -> None:
        if self._began is None or fps != self._fps:
            self._fps = fps
            self._begin_minute(at)
        interval = self._intervals.next(at, fps, stills)
        if interval is None:
            return
        self.holes += interval.is_hole
        self._recent.append(interval)
        self._count(interval, 1.0)
        while self._recent[0].end <= at - RECENT_S:
            self._count(self._recent.popleft(), -1.0)
        self.rates = self._rates(at, 0.0 if self._began is None else at - self._began)

    def _count(self, interval: Interval, sign: float) -> None:
        self._streamed_s += sign * interval.streamed_s
        self._due += sign * interval.due_frames

    def _rates(self, at: float, measured_s: float) -> RecentRates:
        oldest = self._recent[0]
        # The oldest interval counts for its part in this minute: the camera may have been away for hours.
        before = max(0.0, at - RECENT_S - oldest.begin) / oldest.length_s
        streamed_s, due = self._streamed_s - before * oldest.streamed_s, self._due - before * oldest.due_frames
        if measured_s < SHORT_S or streamed_s <= 0:
            return RecentRates()
        frames, is_known = len(self._recent), due > 0 and measured_s >= RECENT_S
        return RecentRates(round(frames / streamed_s, 2), round(100 * frames / due, 1) if is_known else None)
