"""The newest reading of a sensor as the source of a gate."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from cameras.gates.gate import Reading
from core.broker.broker import BrokerDown
from core.readings.latest import read_latest
from core.readings.reading import ChannelReading, SensorState

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
