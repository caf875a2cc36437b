"""`SensorMonitor`: what is known of one sensor: its channels, their newest readings and qualities. Pure and
Django-free: times are arguments."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from core.text.names import readable
from core.times.timestamps import stamp_ms
from monitoring.sensors.dew_point import dew_point
from monitoring.sensors.messages import SampleMessage
from monitoring.sensors.quality import MISSING_AFTER, ChannelQuality, Limits, Quality
from monitoring.sensors.quantities import QUANTITIES
from monitoring.sensors.reading import ChannelReading, JudgedReading, SensorState

MAX_CHANNELS = 200
"""A device that invents new names for ever must not fill memory and database."""
LONGEST_TEXT = 80
DEW_POINT = "dew_point"


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
ChannelId = tuple[str, str]
"""Key and quantity."""


@dataclass(slots=True)
class Channel:
    quality: ChannelQuality
    device_label: str = ""
    value: float | None = None
    judged: Quality | None = None
    """None before the first value since the start."""
    at_ms: int | None = None


class SensorMonitor:
    """`now` is monotonic, in seconds; `wall_ms` the wall clock in milliseconds."""

    def __init__(self, sensor: str, name: str, kind: str, host: str, interval_s: float, now: float, wall_ms: int):
        self.sensor, self.name, self.kind, self.host = sensor, name, kind, host
        self.interval_s = interval_s
        self._channels: dict[ChannelId, Channel] = {}
        self._settings: Mapping[ChannelId, ChannelSettings] = {}
        self._state, self._message, self._since_ms = "starting", "", wall_ms
        self._took_s = 0.0
        self._began_at = now

    def configure(self, settings: Mapping[ChannelId, ChannelSettings], now: float) -> None:
        """The channels that the database knows: those that have given nothing become missing as others do."""
        self._settings = settings
        for channel_id in settings:
            if channel_id not in self._channels:
                self._add(channel_id, now)
        for channel_id, channel in self._channels.items():
            channel.quality.limits = self._settings_of(channel_id).limits

    def record(self, samples: Iterable[SampleMessage], took_s: float, now: float, wall_ms: int) -> list[JudgedReading]:
        """The readings of one message of the sensor's process."""
        self._took_s = took_s
        readings = [found for sample in samples if (found := self._judge(sample, now, wall_ms)) is not None]
        computed = self._dew_point(readings, now, wall_ms)
        if computed is not None:
            readings.append(computed)
        if readings or self._state == "starting":
            self._set_state("ok" if readings else "starting", "", wall_ms)
        return readings

    def record_error(self, message: str, wall_ms: int) -> None:
        self._set_state("error", message, wall_ms)

    def check_missing(self, now: float, wall_ms: int) -> list[JudgedReading]:
        """One reading without a value for each channel that has become missing."""
        found = []
        for channel_id, channel in self._channels.items():
            channel.quality.interval_s = self.effective_interval_s
            if channel.quality.has_become_missing(now):
                channel.value, channel.judged = None, "missing"
                found.append(self._reading(channel_id, channel, wall_ms))
        if self._state != "error" and self.is_missing(now):
            self._set_state("missing", f"{self.name} has sent nothing for {self.missing_after_s:g} s.", wall_ms)
        return found

    def is_missing(self, now: float) -> bool:
        """Whether all its channels are, or it has given no value since the start."""
        if not self._channels:
            return now - self._began_at > self.missing_after_s
        return all(channel.quality.is_missing for channel in self._channels.values())

    def missing_channels(self) -> frozenset[ChannelId]:
        return frozenset(one for one, channel in self._channels.items() if channel.quality.is_missing)

    def label(self, channel_id: ChannelId) -> str:
        return self._settings_of(channel_id).label or self._channels[channel_id].device_label or channel_id[0]

    @property
    def message(self) -> str:
        """Why it gives no values; empty if it does, or if that is not known."""
        return self._message

    @property
    def missing_after_s(self) -> float:
        return MISSING_AFTER * self.effective_interval_s

    @property
    def effective_interval_s(self) -> float:
        """A bus of many thermometers may need longer than the interval for one reading."""
        return max(self.interval_s, self._took_s)

    def state(self) -> SensorState:
        return SensorState(
            sensor=self.name,
            kind=self.kind,
            host=self.host,
            interval_s=self.interval_s,
            state=self._state,
            message=self._message,
            since=stamp_ms(self._since_ms),
            channels=[self._newest(channel_id) for channel_id in sorted(self._channels)],
        )

    def _judge(self, sample: SampleMessage, now: float, wall_ms: int) -> JudgedReading | None:
        """None for a channel beyond the limit, or a quantity that does not exist."""
        key = readable(sample["channel"])[:LONGEST_TEXT]
        channel_id = (key, sample["quantity"])
        if sample["quantity"] not in QUANTITIES or not key:
            return None
        label = readable(sample["label"])[:LONGEST_TEXT]
        if channel_id not in self._channels and not self._add(channel_id, now):
            self._message = f"{self.name} has more than {MAX_CHANNELS} channels; the others are left out."
            return None
        channel = self._channels[channel_id]
        channel.device_label = label
        value = sample["value"]
        if value is not None:
            value += self._settings_of(channel_id).offset
        # What a device says of the age is believed back to 1970: an earlier time fits no column.
        age_s = min(max(0.0, sample["age_s"]), wall_ms / 1000)
        channel.judged = channel.quality.judge(value, now, age_s=age_s, is_valid=sample["is_valid"])
        channel.value, channel.at_ms = value, wall_ms - int(age_s * 1000)
        return self._reading(channel_id, channel, channel.at_ms)

    def _dew_point(self, readings: list[JudgedReading], now: float, wall_ms: int) -> JudgedReading | None:
        """Of a sensor with one temperature and one humidity: only then they belong together for certain."""
        if any(reading.quantity == DEW_POINT for reading in readings):
            return None
        temperatures = [one for one in readings if one.quantity == "temperature"]
        humidities = [one for one in readings if one.quantity == "humidity"]
        if len(temperatures) != 1 or len(humidities) != 1:
            return None
        temperature, humidity = temperatures[0], humidities[0]
        if {temperature.quality, humidity.quality} != {"ok"} or temperature.value is None or humidity.value is None:
            return None
        value = dew_point(temperature.value, humidity.value)
        if value is None:
            return None
        computed = SampleMessage(
            channel=DEW_POINT, quantity=DEW_POINT, value=value, label="Dew point (computed)", age_s=0.0, is_valid=True
        )
        return self._judge(computed, now, wall_ms)

    def _settings_of(self, channel_id: ChannelId) -> ChannelSettings:
        return self._settings.get(channel_id, NO_SETTINGS)

    def _add(self, channel_id: ChannelId, now: float) -> bool:
        if len(self._channels) >= MAX_CHANNELS:
            return False
        quality = ChannelQuality(channel_id[1], self.effective_interval_s, now)
        quality.limits = self._settings_of(channel_id).limits
        self._channels[channel_id] = Channel(quality)
        return True

    def _reading(self, channel_id: ChannelId, channel: Channel, at_ms: int) -> JudgedReading:
        assert channel.judged is not None
        key, quantity = channel_id
        return JudgedReading(
            self.sensor, self.name, key, quantity, channel.device_label, at_ms, channel.value, channel.judged
        )

    def _newest(self, channel_id: ChannelId) -> ChannelReading:
        key, quantity = channel_id
        channel = self._channels[channel_id]
        return ChannelReading(
            channel=key,
            quantity=quantity,
            label=self.label(channel_id),
            main=self._settings_of(channel_id).main,
            value=channel.value,
            quality=channel.judged or "missing",
            at=stamp_ms(channel.at_ms) if channel.at_ms is not None else None,
        )

    def _set_state(self, state: str, message: str, wall_ms: int) -> None:
        if state != self._state:
            self._since_ms = wall_ms
        self._state, self._message = state, message
