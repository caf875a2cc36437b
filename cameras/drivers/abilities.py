"""What some cameras can do beyond `Driver`. A driver names its abilities as further base classes, and the core asks for
them with `isinstance`; a driver without one implements nothing of it. The rules of `Driver` hold for their calls, too:
one thread, a deadline, and only CameraError."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from cameras.drivers.base import Exposure
from cameras.drivers.packets import PacketSink
from cameras.drivers.telescope_port import Telescope
from core.outgoing import OutgoingGuard


class AttachedDevice(ABC):
    """A device of this machine, such as a USB camera."""

    @classmethod
    @abstractmethod
    def discover(cls, held: Collection[str] = ()) -> list[dict[str, str]]:
        """Discover attached cameras of this kind: address, model, serial, as text; `held_by` names a program that has
        it open, where known. Opens cameras only briefly, and none at a location in `held`: Skycam has
        those open."""

    @abstractmethod
    def device_location(self) -> str:
        """Where the open camera is attached: `usb:001,004`, a device such as `/dev/video0`, or its serial number where
        the vendor's library does not know ports. Discovery does not open it, and a USB reset uses it. Empty for a
        camera that is not a device of this machine."""


class NetworkDevice(ABC):
    """A camera to which its driver opens connections."""

    @classmethod
    @abstractmethod
    def destination(cls, address: str) -> tuple[str, int] | None:
        """Host and port of an address in its normal form; None if it connects nowhere."""

    @abstractmethod
    def set_connection_guard(self, guard: OutgoingGuard) -> None:
        """Set, before `open`, the allowed destinations."""


class SettableStream(ABC):
    """A stream whose frames may have other settings than the stills."""

    @abstractmethod
    def use_for_stream(self, settings: dict[str, Any], deadline: float) -> None:
        """Use these settings for the frames of the stream, instead of those of the call before; an empty dict restores
        the camera's own. `read_back` leaves them out. The core restores them before `apply` and `expose`."""


class StoppableStream(ABC):
    """Frames that cost the camera something: a raised mirror, a warm sensor."""

    @abstractmethod
    def stop_frames(self, deadline: float) -> None:
        """No one reads frames now: end what `frame` started."""


class PacketSource(ABC):
    """A camera that sends a codec that browsers play."""

    @abstractmethod
    def copy_packets_to(self, sink: PacketSink) -> None:
        """Set, before `open`, the sink for the camera's own encoded packets, which receives them while it wants
        packets."""

    @abstractmethod
    def check_packets(self) -> None:
        """CameraError when the copied packets have ended. Called while packets are copied and no one reads frames; must
        not wait."""


@dataclass(frozen=True, slots=True)
class Supplies:
    """Battery and card space. None where the camera does not report it."""

    battery_percent: float | None = None
    card_free_bytes: int | None = None
    """Free on all of the camera's cards together."""


class CameraBody(ABC):
    """A photographer's camera, with a battery and cards."""

    @abstractmethod
    def supplies(self, deadline: float) -> Supplies:
        """Battery and card space. CameraError when the camera turns out to be gone."""

    @abstractmethod
    def delete_from_card(self, exposure: Exposure, deadline: float) -> None:
        """Delete the files in `exposure.card` from the camera's card. Called once the record is durable."""


class SiteAware(ABC):
    """A camera whose pictures or telescope depend on where it stands."""

    @abstractmethod
    def set_site(self, latitude: float | None, longitude: float | None, elevation: float) -> None:
        """Set, before `open` and whenever it changes, where the camera stands: degrees, north and east positive, None
        where it is not known; metres above sea level. Must not wait."""


class TelescopeAware(ABC):
    """The camera of a telescope, which moves and describes it."""

    @abstractmethod
    def set_telescope(self, telescope: Telescope) -> None:
        """Set, before `open`, the telescope on which the camera stands."""


FaultListener = Callable[[dict[str, Any], str], None]


class FaultInjection(ABC):
    """A simulated camera whose failures can be rehearsed."""

    @abstractmethod
    def set_faults(self, faults: dict[str, Any], on_change: FaultListener) -> dict[str, Any]:
        """From any thread: set exactly these faults; returns the active ones. `on_change` is called on each change with
        the active faults and the name of the one that was triggered."""
