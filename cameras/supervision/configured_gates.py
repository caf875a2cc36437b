"""The gates of the host's configuration, with their sources."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from cameras.gates.gate import Gate, Reading
from cameras.gates.sources import ClockSource, CommandSource, DiskSource, DiskValue, FileSource, HttpSource, Source
from cameras.supervision.camera_slot import CameraSlot
from cameras.supervision.desired_state import DesiredState
from core.broker.broker import BrokerDown
from core.outgoing import OutgoingGuard
from core.readings.latest import read_latest
from core.readings.reading import ChannelReading, SensorState
from core.times.clocks import clock_state

ReadLatest = Callable[[], Mapping[str, SensorState]]


class SensorSource:
    """`place` is a sensor's name, and after a colon its channel or quantity if it has several. Only a reading of the
    quality ok is a value; the sensor may belong to another host."""

    def __init__(self, place: str, latest: ReadLatest = read_latest) -> None:
        self._sensor, _, self._channel = place.partition(":")
        self._latest = latest

    def read(self) -> Reading:
        try:
            state = self._latest().get(self._sensor)
        except BrokerDown:
            return Reading(None, "The broker, which has the newest readings, does not answer.")
        if state is None:
            return Reading(None, f"No host reads a sensor {self._sensor}.")
        found = self._channels(state)
        if len(found) != 1:
            names = ", ".join(channel["channel"] for channel in state["channels"]) or "none yet"
            return Reading(None, f"The sensor {self._sensor} has not exactly one such channel; it has: {names}.")
        (channel,) = found
        if channel["quality"] != "ok":
            why = f" {state['message']}" if state["message"] else ""
            return Reading(None, f"{self._sensor} {channel['channel']} is {channel['quality']}.{why}")
        return Reading(channel["value"])

    def _channels(self, state: SensorState) -> list[ChannelReading]:
        """A channel of that name comes before channels of a quantity of that name."""
        channels = state["channels"]
        if not self._channel:
            return channels
        named = [one for one in channels if one["channel"] == self._channel]
        return named or [one for one in channels if one["quantity"] == self._channel]


CameraValue = Literal["temperature", "battery"]
CAMERA_FIELDS: dict[CameraValue, Literal["temperature_celsius", "battery_percent"]] = {
    "temperature": "temperature_celsius",
    "battery": "battery_percent",
}
SILENT_S = 10.0
"""A camera process reports each second. What it reported longer ago than this is unknown."""


@dataclass(frozen=True, slots=True)
class ConfiguredGate:
    """A gate of this host. `source` is None if each camera, or each disk, has a value of its own: `camera_value` comes
    from the camera's process, `disk_value` from the disk of its captures."""

    gate: Gate
    cameras: Sequence[str] = ()
    """Slugs; empty for all cameras of the host."""
    every_s: float = 10.0
    deadline_s: float = 5.0
    source: Source | None = None
    camera_value: CameraValue | None = None
    disk_value: DiskValue | None = None

    def concerns(self, camera: DesiredState) -> bool:
        return not self.cameras or camera.slug in self.cameras

    def subject(self, camera: DesiredState) -> str:
        """What the value of this camera is about: the camera, the storage root of its captures, or empty if all
        cameras have the same value."""
        if self.camera_value is not None:
            return camera.slug
        return camera.root if self.disk_value is not None else ""

    def source_of(self, slots: Sequence[CameraSlot]) -> Source | None:
        """The source to be read on a thread; `slots` are those with the same subject."""
        if self.disk_value is not None:
            return DiskSource(Path(slots[0].desired.root_path), self.disk_value)
        return self.source


def camera_reading(slot: CameraSlot, value: CameraValue) -> Reading:
    """What the camera's process reported last."""
    child = slot.child
    if child is None:
        return Reading(None, "The process of the camera does not run.")
    if child.silent_s() > SILENT_S:
        return Reading(None, f"The process of the camera has not reported for {child.silent_s():.0f} s.")
    found = child.state.get(CAMERA_FIELDS[value])
    return Reading(found) if found is not None else Reading(None, f"The camera reports no {value}.")


def configured_gates(station: Any) -> list[ConfiguredGate]:
    """The enabled gates of `settings.STATION`."""
    return [configured_gate(given, station.outgoing) for given in station.gates if given.enabled]


def configured_gate(given: Any, guard: OutgoingGuard) -> ConfiguredGate:
    return ConfiguredGate(
        gate=Gate(
            name=given.name,
            unsafe_above=given.unsafe_above,
            unsafe_below=given.unsafe_below,
            safe_below=given.safe_below,
            safe_above=given.safe_above,
            safe_values=tuple(given.safe_values),
            unsafe_values=tuple(given.unsafe_values),
            unsafe_for_s=given.unsafe_for_s,
            safe_for_s=given.safe_for_s,
            unknown_is_safe=given.unknown == "safe",
        ),
        cameras=tuple(given.cameras),
        every_s=given.every_s,
        deadline_s=given.deadline_s,
        source=common_source(given, guard),
        camera_value=given.source.camera,
        disk_value=given.source.disk,
    )


def common_source(given: Any, guard: OutgoingGuard) -> Source | None:
    """The source that is the same for all cameras."""
    source = given.source
    if source.file is not None:
        return FileSource(source.file, given.max_age_s)
    if source.http is not None:
        return HttpSource(source.http, source.json_path, source.headers, given.deadline_s, guard)
    if source.command:
        return CommandSource(source.command, given.deadline_s)
    if source.sensor is not None:
        return SensorSource(source.sensor)
    return ClockSource(clock_state) if source.clock is not None else None
