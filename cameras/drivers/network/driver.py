"""The driver of network cameras. One thread reads continuously; pictures are decoded here, on demand only."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from cameras.drivers.base import (
    Aborted,
    Applied,
    CameraError,
    Capabilities,
    Clock,
    Driver,
    Exposure,
    ExposureRequest,
    FrameData,
    Identity,
    SettingRange,
    remaining,
)
from cameras.drivers.credentials import REDACTED
from cameras.drivers.network import addresses
from cameras.drivers.network.addresses import NetworkTimes
from cameras.drivers.options import DriverSettings
from cameras.drivers.packets import PacketSink
from core.outgoing import OutgoingGuard
from core.resources.fields import field

if TYPE_CHECKING:
    from cameras.drivers.network.connection import Connection
    from cameras.drivers.network.reader import DecodedPicture, PictureDecoder, Reader

CHECK_S = 0.5
"""The time limit of a check that the camera still sends pictures."""
READOUT_S = 3.0
"""The time until the next picture has arrived and is decoded, from the last key frame on."""
INTERVALS_S = (0.1, 10.0)
"""Of snapshots. Longer ones would leave live views and clips without pictures: sessions make those."""
# The reader's condition does not know of interruptions of the clock, so they are noticed after this time.
SLICE_S = 0.02
UNITS = {"fps": "1/s", "width": "px", "height": "px", "interval_s": "s"}
UNDECODABLE = (
    "The camera sends data that cannot be decoded into a picture. "
    "Check it with another program, and restart the camera."
)
NO_PICTURE = (
    "The camera sends data, but no whole picture. Check the stream on the camera's own pages, and restart the camera."
)
UNREADABLE = (
    "The camera's address holds a password that this station cannot read: its key is lost or was replaced. "
    "Restore the key (see docs/cameras/network-cameras.md), or save the address again with its password."
)


class NetworkSettings(DriverSettings):
    """A network camera is configured on its own pages; these settings report what it sends, except for `interval_s`."""

    interval_s: float | None = field(
        None, ge=INTERVALS_S[0], le=INTERVALS_S[1], help="seconds from one snapshot to the next"
    )
    fps: float | None = field(None, gt=0, le=1000, help="frames per second")
    width: int | None = field(None, ge=16, le=16_384, help="pixels")
    height: int | None = field(None, ge=16, le=16_384, help="pixels")


class NetworkDriver(Driver):
    """A still is the newest picture captured after its request; it is a frame of the stream as well."""

    kind = "network"
    stills_from_stream = True
    max_retry_interval_s = 10.0
    settings_model = NetworkSettings
    example = addresses.EXAMPLE

    def __init__(self, address: str, clock: Clock, times: NetworkTimes | None = None) -> None:
        super().__init__(address, clock)
        self._times = times or NetworkTimes()
        self._reader: Reader | None = None
        self._connection: Connection | None = None
        self._sink: PacketSink | None = None
        self._guard = OutgoingGuard()
        self._ahead: deque[FrameData] = deque(maxlen=16)
        self._streamed = -math.inf
        self._missed = 0
        """Pictures decoded since the last frame that did not become frames of the stream."""
        self._pictureless_s = 0.0
        self._seen, self._seen_number = -math.inf, -1
        """When a picture was last decoded that was newer than the one before, and the number of its packet."""
        self._actual: dict[str, Any] = {}

    @classmethod
    def check_address(cls, address: str, sources: list[str]) -> str:
        return addresses.normalise_address(address)

    @classmethod
    def destination(cls, address: str) -> tuple[str, int] | None:
        return addresses.destination_of(address)

    def set_connection_guard(self, guard: OutgoingGuard) -> None:
        self._guard = guard

    def open(self, deadline: float) -> Identity:
        self.close()
        # Its secrets could not be filled in. Tried as it is, *** would be sent as the password, and cameras lock
        # users out.
        if REDACTED in self.address:
            raise CameraError(UNREADABLE, permanent=True)
        # Here and not at the top: PyAV is slow to load, and addresses are checked in processes that open no camera.
        from cameras.drivers.network.errors import library
        from cameras.drivers.network.opening import open_connection
        from cameras.drivers.network.reader import PictureDecoder, Reader

        open_s = min(self._times.open_s, remaining(self.clock, deadline))
        connection = open_connection(self.address, self._guard, self._times, open_s)
        self._decoder: PictureDecoder = PictureDecoder(connection.new_decoder())
        self._reader, self._connection = Reader(connection, self.clock), connection
        self._actual = {"fps": round(connection.rate, 3)} if connection.rate else {}
        self._report_interval(connection)
        self._streamed, self._pictureless_s = -math.inf, 0.0
        self._seen, self._seen_number = self.clock.monotonic(), -1
        self._ahead.clear()
        try:
            picture = self._wait_for_picture(min(deadline, self.clock.monotonic() + self._times.first_s))
        except CameraError:
            # A reader that failed leaves its connection open.
            self.close()
            raise
        self._missed = self._decoder.dropped = 0
        # Last: only a decoded picture says whether browsers play it, and a camera that fails to open has offered
        # nothing.
        self._offer_packets(connection, picture)
        return Identity(model=connection.title, library=library())

    def copy_packets_to(self, sink: PacketSink) -> None:
        self._sink = sink

    def _offer_packets(self, connection: Connection, picture: DecodedPicture) -> None:
        """Copy the connection's packets into the sink from now on, if browsers play them."""
        from cameras.drivers.network.packet_buffer import PacketCopier, may_be_copied

        if self._sink is not None and may_be_copied(connection.codec, picture.decoded):
            # The constructor calls `sink.begin` before the reading thread knows the copier, so no packet precedes it.
            self._need_open().start_copying(PacketCopier(self._sink, connection.extradata))

    def close(self) -> None:
        if self._sink is not None:
            # Before the reading thread ends, which may take a while: packets that it still sends belong to a stream
            # that has ended, and the sink drops them.
            self._sink.end()
        if self._reader is not None:
            self._reader.close()
            self._reader = self._connection = None
            del self._decoder

    @property
    def last_decoded(self) -> int:
        """The number of the packet of the open camera that was decoded last. Packets that no one needs are not
        decoded."""
        return self._decoder.number

    def capabilities(self) -> Capabilities:
        return Capabilities(
            stream=True,
            width=self._actual.get("width"),
            height=self._actual.get("height"),
            readout_s=self._times.snapshot_s if self._interval_s else READOUT_S,
            settings={name: _setting_range(name) for name in self._actual},
        )

    def apply(self, settings: dict[str, Any], deadline: float) -> Applied:
        self._need_open()
        remaining(self.clock, deadline)
        requested = self.validated(settings)
        self._set_interval(requested.get("interval_s"))
        return Applied(dict(self._actual), self._setting_warnings(requested))

    def read_back(self, deadline: float) -> dict[str, Any]:
        self._need_open()
        return dict(self._actual)

    def dry_run(self, request: ExposureRequest, deadline: float) -> Applied:
        return Applied({}, self._setting_warnings(request.settings()))

    def expose(self, request: ExposureRequest, deadline: float) -> Exposure:
        reader = self._need_open()
        remaining(self.clock, deadline)
        requested_at, streaming = self.clock.monotonic(), self._is_streaming()
        reader.request_picture()
        newest: DecodedPicture | None = None
        for picture in self._decoded(deadline, skip=not streaming):
            newest = picture
            # A full deque discards its oldest frame at the `append` below.
            self._missed += not streaming or len(self._ahead) == self._ahead.maxlen
            if streaming:
                self._ahead.append(_frame_of(picture))
            # Both: a picture after the request may still be one of several that wait in the buffer.
            if picture.arrival.earliest >= requested_at and self._is_newest():
                break
        if newest is None or newest.arrival.earliest < requested_at:
            # Distinguishes the two ends of the loop: too_slow if the deadline ended it, else an interruption did.
            remaining(self.clock, deadline - SLICE_S)
            raise Aborted
        frame = self._ahead[-1] if streaming else _frame_of(newest)
        return Exposure(
            frame.captured_ns,
            frame.captured_ns,
            warnings=self._setting_warnings(request.settings()),
            frame=frame,
        )

    def frame(self, deadline: float) -> FrameData | None:
        self._need_open()
        streaming, self._streamed = self._is_streaming(), self.clock.monotonic()
        if not streaming:
            self._missed += len(self._ahead)
            self._ahead.clear()
        # Pictures that a still decoded are frames of the stream as well, and come first to keep the order.
        if self._ahead:
            return self._counted(self._ahead.popleft())
        newest: DecodedPicture | None = None
        for picture in self._decoded(deadline, skip=not streaming):
            self._missed += newest is not None
            newest = picture
            if streaming or self._is_newest():
                break
        return None if newest is None else self._counted(_frame_of(newest))

    def _counted(self, frame: FrameData) -> FrameData:
        """The frame with the count of those missed since the last one."""
        missed = self._missed + self._decoder.dropped
        self._missed = self._decoder.dropped = 0
        return replace(frame, missed=missed)

    def check_packets(self) -> None:
        if self._reader is not None and self._reader.failure is not None:
            raise self._reader.failure

    def check_alive(self, deadline: float) -> None:
        """Whether the connection goes on, and brings pictures."""
        self.check_packets()
        if self._reader is not None and self.clock.monotonic() - self._seen > self._times.check_every_s:
            self._check_decodable(self._reader)

    # Pictures

    def _check_decodable(self, reader: Reader) -> None:
        """Check that the recent packets can be decoded, and stop at the first new picture. CameraError when none could
        be decoded for a long time."""
        began, seen = self.clock.monotonic(), self._seen
        # Only from the newest key frame: decoding all pictures since the last check would cost as much as a viewer.
        self._decoder.skip_to(reader.newest_group())
        while self._seen == seen and (arrived := reader.after(self._decoder.number)):
            for picture in self._decoder.decode(arrived):
                self._missed += 1
                if picture.arrival.captured > seen or self.clock.monotonic() - began > CHECK_S:
                    self._record_seen(picture)
        if began - self._seen > self._times.check_every_s + self._longest_pause_s:
            raise self._no_pictures()

    def _wait_for_picture(self, deadline: float) -> DecodedPicture:
        """Wait for the first live picture, not one that was queued before the connection."""
        reader = self._need_open()
        seen: DecodedPicture | None = None
        # Not interruptible: the clock stays interrupted while there is new work, and the camera could not be opened
        # then.
        for picture in self._decoded(deadline, skip=True, interruptible=False):
            self._actual |= {"width": picture.decoded.width, "height": picture.decoded.height}
            seen = picture
            if reader.live and self._is_newest():
                break
        if seen is None:
            raise self._no_pictures()
        return seen

    def _decoded(self, deadline: float, *, skip: bool, interruptible: bool = True) -> Iterator[DecodedPicture]:
        """Pictures as they arrive, until the deadline or, if `interruptible`, an interruption. `skip` starts at the
        newest key frame."""
        reader = self._need_open()
        began = self.clock.monotonic()
        if skip:
            self._decoder.skip_to(reader.newest_group())
        while self.clock.monotonic() < deadline and not (interruptible and self.clock.wait(0)):
            arrived = reader.after(self._decoder.number)
            for picture in self._decoder.decode(arrived) if arrived else ():
                began = self._record_seen(picture)
                self._pictureless_s = 0.0
                yield picture
            if arrived is None:
                self._wait(reader, deadline)
        # Added up over calls: each waits for a moment only, and no single one would reach the limit.
        self._pictureless_s += self.clock.monotonic() - began
        if self._pictureless_s > self._longest_pause_s:
            raise self._no_pictures()

    def _record_seen(self, picture: DecodedPicture) -> float:
        self._seen, self._seen_number = self.clock.monotonic(), picture.arrival.number
        return self._seen

    @property
    def _longest_pause_s(self) -> float:
        """Without a picture, until the camera is treated as one that sends none."""
        return self._times.pictureless_s + (self._interval_s or 0.0)

    def _wait(self, reader: Reader, deadline: float) -> None:
        if reader.failure is not None:
            raise reader.failure
        reader.wait(self._decoder.number, min(SLICE_S, deadline - self.clock.monotonic()))

    def _is_newest(self) -> bool:
        return self._need_open().after(self._decoder.number) is None

    def _is_streaming(self) -> bool:
        return self.clock.monotonic() - self._streamed < self._times.streaming_s

    def _need_open(self) -> Reader:
        if self._reader is None:
            raise CameraError("The camera is closed. Open it first.", before_shutter=True)
        return self._reader

    @property
    def _interval_s(self) -> float | None:
        """Of snapshots; None for a camera that streams."""
        return self._connection.interval_s if self._connection else None

    def _set_interval(self, seconds: float | None) -> None:
        """Does nothing for a camera that streams."""
        connection = self._connection
        if connection is not None and connection.interval_s and seconds and seconds != connection.interval_s:
            connection.interval_s = seconds
            self._report_interval(connection)
            # The reading thread waits for the end of an interval that may be much longer.
            connection.request_picture()

    def _report_interval(self, connection: Connection) -> None:
        if connection.interval_s:
            self._actual |= {"interval_s": connection.interval_s, "fps": round(1 / connection.interval_s, 3)}

    def _no_pictures(self) -> CameraError:
        has_refused = self._decoder.number > self._seen_number
        return CameraError(UNDECODABLE if has_refused else NO_PICTURE, reason="camera_unreachable")

    def _setting_warnings(self, requested: dict[str, Any]) -> list[str]:
        return [
            _setting_warning(name, value, self._actual.get(name), "interval_s" in self._actual)
            for name, value in requested.items()
            if value != self._actual.get(name)
        ]


def _frame_of(picture: DecodedPicture) -> FrameData:
    return FrameData(picture.image, picture.arrival.captured_ns, picture.arrival.captured, picture.arrival.number)


def _setting_range(name: str) -> SettingRange:
    if name == "interval_s":
        return SettingRange(UNITS[name], *INTERVALS_S)
    return SettingRange(UNITS[name], read_only=True)


def _setting_warning(name: str, requested: Any, actual: Any, has_interval: bool) -> str:
    if actual is None:
        return f"This network camera has no {name}; {requested:g} was requested."
    where = "Set interval_s instead." if has_interval and name == "fps" else "Set it on the camera's own pages."
    return f"The {name} of this network camera is {actual:g}; {requested:g} was requested. {where}"
