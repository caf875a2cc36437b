"""The driver of network cameras. One thread reads continuously; pictures are decoded here, on demand only."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from cameras.drivers.abilities import NetworkDevice, PacketSource
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
from cameras.drivers.network.addresses import SLICE_S, NetworkTimes
from cameras.drivers.options import DriverSettings
from cameras.drivers.packets import PacketSink
from cameras.drivers.parts import FramesAhead, opened
from core.outgoing import OutgoingGuard
from core.resources.fields import field

if TYPE_CHECKING:
    from cameras.drivers.network.connection import Connection
    from cameras.drivers.network.picture_feed import PictureFeed
    from cameras.drivers.network.reader import DecodedPicture

READOUT_S = 3.0
"""The time until the next picture has arrived and is decoded, from the last key frame on."""
INTERVALS_S = (0.1, 10.0)
"""Of snapshots. Longer ones would leave live views and clips without pictures: sessions make those."""
UNITS = {"fps": "1/s", "width": "px", "height": "px", "interval_s": "s"}
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


class NetworkDriver(Driver, NetworkDevice, PacketSource):
    """A still is the newest picture captured after its request; it is a frame of the stream as well."""

    kind = "network"
    stills_from_stream = True
    max_retry_interval_s = 10.0
    settings_model = NetworkSettings
    example = addresses.EXAMPLE

    def __init__(self, address: str, clock: Clock, times: NetworkTimes | None = None) -> None:
        super().__init__(address, clock)
        self._times = times or NetworkTimes()
        self._feed: PictureFeed | None = None
        self._sink: PacketSink | None = None
        self._guard = OutgoingGuard()
        self._ahead = FramesAhead(clock, self._times.streaming_s)
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
        from cameras.drivers.network.picture_feed import PictureFeed

        open_s = min(self._times.open_s, remaining(self.clock, deadline))
        connection = open_connection(self.address, self._guard, self._times, open_s)
        self._feed = PictureFeed(connection, self.clock, self._times)
        self._actual = {"fps": round(connection.rate, 3)} if connection.rate else {}
        self._report_interval(connection)
        self._ahead = FramesAhead(self.clock, self._times.streaming_s)
        try:
            picture = self._feed.first_picture(min(deadline, self.clock.monotonic() + self._times.first_s))
        except CameraError:
            # A reader that failed leaves its connection open.
            self.close()
            raise
        self._actual |= {"width": picture.decoded.width, "height": picture.decoded.height}
        self._feed.pop_dropped()
        # Last: only a decoded picture says whether browsers play it, and a camera that fails to open has offered
        # nothing.
        self._offer_packets(self._feed, picture)
        return Identity(model=connection.title, library=library())

    def copy_packets_to(self, sink: PacketSink) -> None:
        self._sink = sink

    def _offer_packets(self, feed: PictureFeed, picture: DecodedPicture) -> None:
        """Copy the connection's packets into the sink from now on, if browsers play them."""
        from cameras.drivers.network.packet_buffer import PacketCopier, may_be_copied

        if self._sink is not None and may_be_copied(feed.connection.codec, picture.decoded):
            # The constructor calls `sink.begin` before the reading thread knows the copier, so no packet precedes it.
            feed.reader.start_copying(PacketCopier(self._sink, feed.connection.extradata))

    def close(self) -> None:
        if self._sink is not None:
            # Before the reading thread ends, which may take a while: packets that it still sends belong to a stream
            # that has ended, and the sink drops them.
            self._sink.end()
        if self._feed is not None:
            self._feed.close()
            self._feed = None

    @property
    def last_decoded(self) -> int:
        """The number of the packet of the open camera that was decoded last. Packets that no one needs are not
        decoded."""
        return opened(self._feed).last_decoded

    def capabilities(self) -> Capabilities:
        return Capabilities(
            stream=True,
            width=self._actual.get("width"),
            height=self._actual.get("height"),
            readout_s=self._times.snapshot_s if self._feed and self._feed.connection.interval_s else READOUT_S,
            settings={name: _setting_range(name) for name in self._actual},
        )

    def apply(self, settings: dict[str, Any], deadline: float) -> Applied:
        connection = opened(self._feed).connection
        remaining(self.clock, deadline)
        requested = self.validated(settings)
        seconds = requested.get("interval_s")
        # A camera that streams has no interval.
        if connection.interval_s and seconds and seconds != connection.interval_s:
            connection.interval_s = seconds
            self._report_interval(connection)
            # The reading thread waits for the end of an interval that may be much longer.
            connection.request_picture()
        return Applied(dict(self._actual), self._setting_warnings(requested))

    def read_back(self, deadline: float) -> dict[str, Any]:
        opened(self._feed)
        return dict(self._actual)

    def dry_run(self, request: ExposureRequest, deadline: float) -> Applied:
        return Applied({}, self._setting_warnings(request.settings()))

    def expose(self, request: ExposureRequest, deadline: float) -> Exposure:
        feed = opened(self._feed)
        remaining(self.clock, deadline)
        requested_at, streaming = self.clock.monotonic(), self._ahead.is_streaming
        feed.connection.request_picture()
        newest: DecodedPicture | None = None
        frame: FrameData | None = None
        for picture in feed.pictures(deadline, skip=not streaming):
            newest = picture
            if streaming:
                frame = _frame_of(picture)
                self._ahead.add(frame)
            else:
                self._ahead.missed += 1
            # Both: a picture after the request may still be one of several that wait in the buffer.
            if picture.arrival.earliest >= requested_at and feed.is_newest():
                break
        if newest is None or newest.arrival.earliest < requested_at:
            # Distinguishes the two ends of the loop: too_slow if the deadline ended it, else an interruption did.
            remaining(self.clock, deadline - SLICE_S)
            raise Aborted
        frame = frame or _frame_of(newest)
        return Exposure(
            frame.captured_ns,
            frame.captured_ns,
            warnings=self._setting_warnings(request.settings()),
            frame=frame,
        )

    def frame(self, deadline: float) -> FrameData | None:
        feed, streaming = opened(self._feed), self._ahead.is_streaming
        # Pictures that a still decoded are frames of the stream as well, and come first to keep the order.
        if (ahead := self._ahead.next()) is not None:
            return self._counted(feed, ahead)
        newest: DecodedPicture | None = None
        for picture in feed.pictures(deadline, skip=not streaming):
            self._ahead.missed += newest is not None
            newest = picture
            if streaming or feed.is_newest():
                break
        return None if newest is None else self._counted(feed, _frame_of(newest))

    def _counted(self, feed: PictureFeed, frame: FrameData) -> FrameData:
        """The frame with the count of those missed since the last one."""
        missed, self._ahead.missed = self._ahead.missed + feed.pop_dropped(), 0
        return replace(frame, missed=missed)

    def check_packets(self) -> None:
        if self._feed is not None:
            self._feed.check_connection()

    def check_alive(self, deadline: float) -> None:
        """Whether the connection goes on, and brings pictures."""
        if self._feed is not None:
            self._feed.check_connection()
            self._ahead.missed += self._feed.check_pictures()

    def _report_interval(self, connection: Connection) -> None:
        if connection.interval_s:
            self._actual |= {"interval_s": connection.interval_s, "fps": round(1 / connection.interval_s, 3)}

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
