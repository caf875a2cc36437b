"""The pictures of one open connection, decoded on demand, and whether it still brings any."""

from __future__ import annotations

from collections.abc import Iterator

from cameras.drivers.base import CameraError, Clock
from cameras.drivers.network.addresses import SLICE_S, NetworkTimes
from cameras.drivers.network.connection import Connection
from cameras.drivers.network.reader import DecodedPicture, PictureDecoder, Reader

CHECK_S = 0.5
"""The time limit of a check that the camera still sends pictures."""
UNDECODABLE = (
    "The camera sends data that cannot be decoded into a picture. "
    "Check it with another program, and restart the camera."
)
NO_PICTURE = (
    "The camera sends data, but no whole picture. Check the stream on the camera's own pages, and restart the camera."
)


class PictureFeed:
    """Used by the driver's thread; its reader has a thread of its own. CameraError when the connection has ended, or
    has brought no picture for a long time."""

    def __init__(self, connection: Connection, clock: Clock, times: NetworkTimes) -> None:
        self.connection, self._clock, self._times = connection, clock, times
        self._decoder = PictureDecoder(connection.new_decoder())
        self.reader = Reader(connection, clock)
        self._pictureless_s = 0.0
        self._seen, self._seen_number = clock.monotonic(), -1
        """When a picture was last decoded that was newer than the one before, and the number of its packet."""

    def close(self) -> None:
        self.reader.close()
        # An error that is kept refers to this object, and the decoder holds much memory.
        del self._decoder

    @property
    def last_decoded(self) -> int:
        return self._decoder.number

    def pop_dropped(self) -> int:
        """The pictures since the last call that were not returned: damaged, or skipped."""
        dropped, self._decoder.dropped = self._decoder.dropped, 0
        return dropped

    def is_newest(self) -> bool:
        """Whether no packet waits after the picture that was decoded last."""
        return self.reader.after(self._decoder.number) is None

    def first_picture(self, deadline: float) -> DecodedPicture:
        """Wait for the first live picture, not one that was queued before the connection."""
        seen: DecodedPicture | None = None
        # Not interruptible: the clock stays interrupted while there is new work, and the camera could not be opened
        # then.
        for picture in self.pictures(deadline, skip=True, interruptible=False):
            seen = picture
            if self.reader.live and self.is_newest():
                break
        if seen is None:
            raise self._no_pictures()
        return seen

    def pictures(self, deadline: float, *, skip: bool, interruptible: bool = True) -> Iterator[DecodedPicture]:
        """Pictures as they arrive, until the deadline or, if `interruptible`, an interruption. `skip` starts at the
        newest key frame."""
        began = self._clock.monotonic()
        if skip:
            self._decoder.skip_to(self.reader.newest_group())
        while self._clock.monotonic() < deadline and not (interruptible and self._clock.wait(0)):
            arrived = self.reader.after(self._decoder.number)
            for picture in self._decoder.decode(arrived) if arrived else ():
                began = self._record_seen(picture)
                self._pictureless_s = 0.0
                yield picture
            if arrived is None:
                self.check_connection()
                self.reader.wait(self._decoder.number, min(SLICE_S, deadline - self._clock.monotonic()))
        # Added up over calls: each waits for a moment only, and no single one would reach the limit.
        self._pictureless_s += self._clock.monotonic() - began
        if self._pictureless_s > self._longest_pause_s:
            raise self._no_pictures()

    def check_connection(self) -> None:
        if self.reader.failure is not None:
            raise self.reader.failure

    def check_pictures(self) -> int:
        """Check that the recent packets can be decoded, unless a picture was seen lately, and stop at the first new
        one. CameraError when none could be decoded for a long time. Returns the number of pictures decoded for it."""
        began, seen, decoded = self._clock.monotonic(), self._seen, 0
        if began - seen <= self._times.check_every_s:
            return 0
        # Only from the newest key frame: decoding all pictures since the last check would cost as much as a viewer.
        self._decoder.skip_to(self.reader.newest_group())
        while self._seen == seen and (arrived := self.reader.after(self._decoder.number)):
            for picture in self._decoder.decode(arrived):
                decoded += 1
                if picture.arrival.captured > seen or self._clock.monotonic() - began > CHECK_S:
                    self._record_seen(picture)
        if began - self._seen > self._times.check_every_s + self._longest_pause_s:
            raise self._no_pictures()
        return decoded

    def _record_seen(self, picture: DecodedPicture) -> float:
        self._seen, self._seen_number = self._clock.monotonic(), picture.arrival.number
        return self._seen

    @property
    def _longest_pause_s(self) -> float:
        """Without a picture, until the camera is treated as one that sends none."""
        return self._times.pictureless_s + (self.connection.interval_s or 0.0)

    def _no_pictures(self) -> CameraError:
        has_refused = self._decoder.number > self._seen_number
        return CameraError(UNDECODABLE if has_refused else NO_PICTURE, reason="camera_unreachable")
