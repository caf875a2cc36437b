"""QUANTITIES: what sensors measure, with units and plausible limits. Whether a value is to be believed (ok, stale,
implausible, or missing), and a judged value on its way to the database, the broker, the metrics and the rules. Pure
and Django-free: times are arguments, in seconds of one monotonic clock."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple, TypedDict


@dataclass(frozen=True, slots=True)
class Quantity:
    """Values outside of `lowest` to `highest` are implausible; so is a change of more than `jump` between two readings
    that are at most three intervals apart (None: any change is plausible). `digits` are the decimals that are shown.

    `device_class` is Home Assistant's, empty if it has none.
    """

    label: str
    unit: str
    digits: int
    lowest: float | None = None
    highest: float | None = None
    jump: float | None = None
    device_class: str = ""


QUANTITIES: dict[str, Quantity] = {
    "temperature": Quantity("Temperature", "°C", 1, -90.0, 150.0, 20.0, "temperature"),
    "humidity": Quantity("Relative humidity", "%", 0, 0.0, 100.0, 50.0, "humidity"),
    "pressure": Quantity("Pressure", "hPa", 1, 300.0, 1100.0, 20.0, "atmospheric_pressure"),
    "dew_point": Quantity("Dew point", "°C", 1, -110.0, 100.0, None, "temperature"),
    "wind": Quantity("Wind", "m/s", 1, 0.0, 120.0, None, "wind_speed"),
    "gust": Quantity("Gust", "m/s", 1, 0.0, 150.0, None, "wind_speed"),
    "rain": Quantity("Rain", "mm/h", 1, 0.0, 1000.0, None, "precipitation_intensity"),
    "cloud": Quantity("Cloud cover", "%", 0, 0.0, 100.0),
    "sky_brightness": Quantity("Sky brightness", "mag/arcsec²", 2, -5.0, 25.0),
    "voltage": Quantity("Voltage", "V", 2, -1000.0, 1000.0, None, "voltage"),
    "load": Quantity("Load", "", 2, 0.0, 10_000.0),
    "percent": Quantity("Share", "%", 1, 0.0, 100.0),
    "bytes": Quantity("Bytes", "B", 0, 0.0, None, None, "data_size"),
    "bytes_per_second": Quantity("Data rate", "B/s", 0, 0.0, None, None, "data_rate"),
    "offset": Quantity("Clock offset", "s", 4, None, None, None, "duration"),
    "number": Quantity("Number", "", 3),
}
"""Quantity -> its unit and limits. `number` is a number whose meaning only its user knows."""


MISSING_AFTER = 3
"""Intervals without a value after which a channel is missing."""
CONFIRMATIONS = 3
"""Values in a row at a new level after which a jump is believed: the sensor was moved, or switched on in the sun."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a user set for a channel; None is the limit of its quantity."""

    lowest: float | None = None
    highest: float | None = None


class ChannelQuality:
    """Judges the values of one channel, in the order in which they arrive."""

    def __init__(self, quantity: str, interval_s: float, now: float) -> None:
        """Until the first value it waits as long as for any other before it is missing."""
        self.quantity = QUANTITIES.get(quantity, QUANTITIES["number"])
        self.limits = Limits()
        self.interval_s = interval_s
        self.is_missing = False
        self._arrived_at = now
        self._believed: tuple[float, float] | None = None
        """The last plausible value and its time."""
        self._doubted: list[float] = []
        """Values that came since and jumped away from it, all at one level."""

    def judge(self, value: float | None, now: float, *, age_s: float = 0.0, is_valid: bool = True) -> Quality:
        """The quality of a value that has arrived. `value` is None for what is no number."""
        self._arrived_at, self.is_missing = now, False
        if value is None or not is_valid or not self._is_in_range(value):
            return "implausible"
        if self._jumps(value, now):
            return "implausible"
        self._believed, self._doubted = (value, now), []
        return "stale" if age_s > self.missing_after_s else "ok"

    def has_become_missing(self, now: float) -> bool:
        """Whether nothing has arrived for three intervals; True once for each time that it happens."""
        if self.is_missing or now - self._arrived_at <= self.missing_after_s:
            return False
        self.is_missing = True
        return True

    @property
    def missing_after_s(self) -> float:
        return MISSING_AFTER * self.interval_s

    def _is_in_range(self, value: float) -> bool:
        lowest = self.quantity.lowest if self.limits.lowest is None else self.limits.lowest
        highest = self.quantity.highest if self.limits.highest is None else self.limits.highest
        return (lowest is None or value >= lowest) and (highest is None or value <= highest)

    def _jumps(self, value: float, now: float) -> bool:
        jump = self.quantity.jump
        if jump is None or self._believed is None:
            return False
        believed, at = self._believed
        # After a pause, a value says nothing about the one before it. While values arrive and are doubted, their number
        # decides.
        if not self._doubted and now - at > self.missing_after_s:
            return False
        if abs(value - believed) <= jump:
            return False
        if self._doubted and abs(value - self._doubted[-1]) > jump:
            self._doubted = []
        self._doubted.append(value)
        return len(self._doubted) < CONFIRMATIONS


Quality = Literal["ok", "stale", "implausible", "missing"]


class JudgedReading(NamedTuple):
    """`value` is None if the channel is missing, or if what came was no number."""

    sensor: str
    """The sensor's UUID."""
    name: str
    """The sensor's name."""
    channel: str
    quantity: str
    label: str
    at_ms: int
    value: float | None
    quality: Quality


class ChannelReading(TypedDict):
    """The newest reading of a channel. `value` is None while it is missing."""

    channel: str
    quantity: str
    label: str
    main: bool
    """Whether it is the temperature of the site."""
    value: float | None
    quality: Quality
    at: str | None
    """When the last value arrived, also while it is missing; None if none has since the start."""


class SensorState(TypedDict):
    """What the host says of a sensor. `state` is `starting` until the first reading, `error` while it cannot be read,
    `missing` if it says nothing, else `ok`. `message` says why."""

    sensor: str
    kind: str
    host: str
    interval_s: float
    state: str
    message: str
    since: str
    channels: list[ChannelReading]
