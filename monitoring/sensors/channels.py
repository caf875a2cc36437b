"""`SensorChannels`: the channels of one sensor, with their newest readings and what users set for them. Pure and
Django-free: times are arguments, `now` in monotonic seconds, `wall_ms` in milliseconds since 1970."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from core.readings.reading import QUANTITIES, ChannelQuality, ChannelReading, JudgedReading, Limits, Quality
from core.text.names import readable
from core.times.timestamps import stamp_ms
from monitoring.sensors.messages import SampleMessage

MAX_CHANNELS = 200
"""A device that invents new names for ever must not fill memory and database."""
LONGEST_TEXT = 80
ChannelId = tuple[str, str]
"""Key and quantity."""


@dataclass(frozen=True, slots=True)
class ChannelSettings:
    """What users set for a channel."""

    limits: Limits = field(default_factory=Limits)
    offset: float = 0.0
    """Added to each value."""
    label: str = ""
    """Empty: that of the device."""
    main: bool = False
    """Whether it is the temperature of the site."""


NO_SETTINGS = ChannelSettings()


@dataclass(slots=True)
class Channel:
    quality: ChannelQuality
    device_label: str = ""
    value: float | None = None
    judged: Quality | None = None
    """None before the first value since the start."""
    at_ms: int | None = None


class SensorChannels:
    def __init__(self, sensor: str, name: str) -> None:
        """`sensor` is the id of the row."""
        self._sensor, self._name = sensor, name
        self._channels: dict[ChannelId, Channel] = {}
        self._settings: Mapping[ChannelId, ChannelSettings] = {}
        self.are_too_many = False
        """Whether the device has more of them than MAX_CHANNELS; the others are left out."""

    def configure(self, settings: Mapping[ChannelId, ChannelSettings], interval_s: float, now: float) -> None:
        """The channels that the database knows: those that have given nothing become missing as others do."""
        self._settings = settings
        for channel_id in settings:
            self._find(channel_id, interval_s, now)
        for channel_id, channel in self._channels.items():
            channel.quality.limits = self._settings_of(channel_id).limits

    def record(self, sample: SampleMessage, interval_s: float, now: float, wall_ms: int) -> JudgedReading | None:
        """None for a channel beyond the limit, or a quantity that does not exist."""
        key = readable(sample["channel"])[:LONGEST_TEXT]
        channel_id = (key, sample["quantity"])
        if sample["quantity"] not in QUANTITIES or not key:
            return None
        channel = self._find(channel_id, interval_s, now)
        if channel is None:
            return None
        channel.device_label = readable(sample["label"])[:LONGEST_TEXT]
        value = sample["value"]
        if value is not None:
            value += self._settings_of(channel_id).offset
        # What a device says of the age is believed back to 1970: an earlier time fits no column.
        age_s = min(max(0.0, sample["age_s"]), wall_ms / 1000)
        channel.judged = channel.quality.judge(value, now, age_s=age_s, is_valid=sample["is_valid"])
        channel.value, channel.at_ms = value, wall_ms - int(age_s * 1000)
        return self._reading(channel_id, channel, channel.at_ms)

    def check_missing(self, interval_s: float, now: float, wall_ms: int) -> list[JudgedReading]:
        """One reading without a value for each channel that has become missing."""
        found = []
        for channel_id, channel in self._channels.items():
            channel.quality.interval_s = interval_s
            if channel.quality.has_become_missing(now):
                channel.value, channel.judged = None, "missing"
                found.append(self._reading(channel_id, channel, wall_ms))
        return found

    def missing(self) -> frozenset[ChannelId]:
        return frozenset(one for one, channel in self._channels.items() if channel.quality.is_missing)

    def __len__(self) -> int:
        return len(self._channels)

    def label(self, channel_id: ChannelId) -> str:
        return self._settings_of(channel_id).label or self._channels[channel_id].device_label or channel_id[0]

    def newest(self) -> list[ChannelReading]:
        return [
            ChannelReading(
                channel=key,
                quantity=quantity,
                label=self.label((key, quantity)),
                main=self._settings_of((key, quantity)).main,
                value=channel.value,
                quality=channel.judged or "missing",
                at=stamp_ms(channel.at_ms) if channel.at_ms is not None else None,
            )
            for (key, quantity), channel in sorted(self._channels.items(), key=lambda item: item[0])
        ]

    def _settings_of(self, channel_id: ChannelId) -> ChannelSettings:
        return self._settings.get(channel_id, NO_SETTINGS)

    def _find(self, channel_id: ChannelId, interval_s: float, now: float) -> Channel | None:
        """The channel, which may be a new one; None beyond the limit."""
        if (found := self._channels.get(channel_id)) is not None:
            return found
        if len(self._channels) >= MAX_CHANNELS:
            self.are_too_many = True
            return None
        quality = ChannelQuality(channel_id[1], interval_s, now)
        quality.limits = self._settings_of(channel_id).limits
        self._channels[channel_id] = channel = Channel(quality)
        return channel

    def _reading(self, channel_id: ChannelId, channel: Channel, at_ms: int) -> JudgedReading:
        assert channel.judged is not None
        key, quantity = channel_id
        return JudgedReading(
            self._sensor, self._name, key, quantity, channel.device_label, at_ms, channel.value, channel.judged
        )
