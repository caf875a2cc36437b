"""The mapping of our settings to the camera's features, with units, ranges and warnings."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from cameras.drivers.base import Applied, SettingRange
from cameras.drivers.pixelink.sdk import REFUSED, UNSUPPORTED_FORMAT, library
from cameras.drivers.pixelink.session import Feature, Session
from core.times.durations import format_exposure

Values = dict[str, Any]
TOLERANCE = 1e-6
"""The SDK counts in float32, of which a part in ten million is lost."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One of our settings: a parameter of a feature. One SDK unit is `scale` of ours."""

    feature: str
    label: str
    unit: str = ""
    place: int = 0
    scale: float = 1.0
    whole: bool = False

    def ours(self, value: float) -> float:
        scaled = value * self.scale
        # float32 has seven digits; more would show 2.4 as 2.4000000953674316.
        return round(scaled) if self.whole else float(f"{scaled:.7g}")

    def same(self, requested: float, has: float) -> bool:
        return abs(requested - has) <= TOLERANCE * max(1.0, abs(requested))

    def range_of(self, ranges: list[tuple[float, float]], *, read_only: bool) -> SettingRange:
        # The SDK may report fewer ranges than parameters, or infinite ones, which JSON does not have.
        low, high = ranges[self.place] if self.place < len(ranges) else (math.nan, math.nan)
        return SettingRange(
            self.unit,
            minimum=self.ours(low) if math.isfinite(low) else None,
            maximum=self.ours(high) if math.isfinite(high) else None,
            step=1 if self.whole else None,
            read_only=read_only,
        )


SETTINGS = {
    "left": Setting("ROI", "left edge", "px", 0, whole=True),
    "top": Setting("ROI", "top edge", "px", 1, whole=True),
    "width": Setting("ROI", "width", "px", 2, whole=True),
    "height": Setting("ROI", "height", "px", 3, whole=True),
    "fps": Setting("FRAME_RATE", "frame rate", "1/s"),
    "exposure_us": Setting("SHUTTER", "exposure time", "µs", scale=1e6, whole=True),
    "gain": Setting("GAIN", "gain", "dB"),
}
"""In the order in which they are set: each limits those after it."""
FEATURES = tuple(dict.fromkeys(setting.feature for setting in SETTINGS.values()))

FORMATS = {
    "mono8": ("MONO8",),
    "mono16": ("MONO16",),
    "yuv422": ("YUV422",),
    "bayer8": ("BAYER8_GRBG", "BAYER8_RGGB", "BAYER8_GBRG", "BAYER8_BGGR"),
    "bayer16": ("BAYER16_GRBG", "BAYER16_RGGB", "BAYER16_GBRG", "BAYER16_BGGR"),
}
"""Pixel formats, and the SDK's names for them: a colour camera has one of each four Bayer patterns."""
ABSENT = {"iso": "ISO setting", "f_number": "aperture"}
THERMOMETERS = ("SENSOR_TEMPERATURE", "SENSOR_CHIP_TEMPERATURE", "BODY_TEMPERATURE")


class Controls:
    """The settings of one opened camera. Constructed before it streams, because it tries out the pixel formats."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.present = [feature for feature in FEATURES if session.has(feature)]
        self.thermometer = next((feature for feature in THERMOMETERS if session.has(feature)), None)
        self.formats = self._formats()

    # Reading

    def ranges(self) -> dict[str, SettingRange]:
        found = {"pixel_format": SettingRange(choices=sorted(self.formats))}
        for feature in self.present:
            flags, ranges = self.session.describe_feature(feature)
            read_only = bool(flags & library().FeatureFlags.READ_ONLY)
            found |= {name: SETTINGS[name].range_of(ranges, read_only=read_only) for name in _of(feature)}
        return found

    def read_settings(self) -> Values:
        """Read all settings."""
        has = {feature: self.session.read(feature).values for feature in self.present}
        actual: Values = {
            name: setting.ours(has[setting.feature][setting.place])
            for name, setting in SETTINGS.items()
            if setting.feature in has
        }
        return actual | {"pixel_format": self._format_name(self.session.read("PIXEL_FORMAT").values[0])}

    def read_features(self, requested: Values) -> dict[str, Feature]:
        """Read the features that `requested` would change."""
        features = {SETTINGS[name].feature for name in requested if name in SETTINGS}.intersection(self.present)
        return {feature: self.session.read(feature) for feature in features}

    def temperature(self) -> float | None:
        """Celsius. Without a thermometer another feature is read, so that an unplugged camera fails here."""
        values = self.session.read(self.thermometer or "SHUTTER").values
        return round(values[0], 2) if self.thermometer else None

    def frame_size(self) -> tuple[int, int]:
        """Height and width of a frame, in pixels: the region's, reduced by binning or decimation."""
        _, _, width, height = self.session.read("ROI").values
        if not self.session.has("PIXEL_ADDRESSING"):
            return int(height), int(width)
        values = self.session.read("PIXEL_ADDRESSING").values
        across, down = values[2:4] if len(values) >= 4 else (values[0], values[0])
        return int(height / max(1.0, down)), int(width / max(1.0, across))

    # Setting

    def apply(self, requested: Values) -> Applied:
        """Set the values and read all settings back, with a sentence for each value that the camera did not accept."""
        refused, actual = self.set_values(requested), self.read_settings()
        sentences = (self._warning(name, value, actual, refused) for name, value in requested.items())
        return Applied(actual, [sentence for sentence in sentences if sentence])

    def set_values(self, requested: Values) -> dict[str, int]:
        """Set the values; returns name -> the code of the camera's refusal. It keeps its own value then."""
        refused = {}
        if "pixel_format" in requested:
            refused["pixel_format"] = self._set_format(requested["pixel_format"])
        for feature in FEATURES:
            wanted = {name: requested[name] for name in _of(feature) if name in requested}
            if wanted and feature in self.present:
                refused |= dict.fromkeys(wanted, self._set_feature(feature, wanted))
        return refused

    def restore_features(self, kept: dict[str, Feature]) -> None:
        for feature, original in kept.items():
            # Writing the region or the frame rate stops the stream, even with the same value.
            if self.session.read(feature) != original:
                self.session.write(feature, original)

    def _set_feature(self, feature: str, wanted: Values) -> int:
        has = self.session.read(feature)
        values = list(has.values)
        for name, value in wanted.items():
            setting = SETTINGS[name]
            # A parameter that stays keeps the SDK's own float, so that rounding to our unit does not change it.
            if not setting.same(value, setting.ours(values[setting.place])):
                values[setting.place] = value / setting.scale
        # The same values are still written in an automatic mode, since only that ends it.
        if has.is_manual and tuple(values) == has.values:
            return 0
        return self.session.write(feature, Feature(0, tuple(values)))

    def _set_format(self, name: str) -> int:
        if name == self._format_name(self.session.read("PIXEL_FORMAT").values[0]):
            return 0
        if name not in self.formats:
            return UNSUPPORTED_FORMAT
        return self.session.write("PIXEL_FORMAT", Feature(0, (self.formats[name],)))

    def _formats(self) -> dict[str, float]:
        """The SDK does not list the camera's pixel formats: each is tried, and the original one is restored."""
        original = self.session.read("PIXEL_FORMAT")
        found = {self._format_name(original.values[0]): original.values[0]}
        try:
            for name, codes in FORMATS.items():
                numbers = (float(getattr(library().PixelFormat, code)) for code in codes)
                accepted = next((number for number in numbers if self._accepts_format(number)), None)
                if accepted is not None:
                    found.setdefault(name, accepted)
        finally:
            # Also after an error: the camera keeps its settings when it is closed, and would keep the tried format.
            self.session.write("PIXEL_FORMAT", original)
        return found

    def _accepts_format(self, number: float) -> bool:
        return self.session.write("PIXEL_FORMAT", Feature(0, (number,))) not in REFUSED

    def _format_name(self, number: float) -> str:
        codes = {name for name, value in vars(library().PixelFormat).items() if value == number}
        return next((name for name, of in FORMATS.items() if codes & set(of)), f"sdk{number:g}")

    # In words

    def _warning(self, name: str, value: Any, actual: Values, refused: dict[str, int]) -> str | None:
        if name not in actual:
            what = ABSENT.get(name) or SETTINGS[name].label
            return f"The camera has no {what}; {_format_value(name, value)} was requested."
        has = actual[name]
        if value == has or (name in SETTINGS and SETTINGS[name].same(value, has)):
            return None
        label = SETTINGS[name].label if name in SETTINGS else "pixel format"
        if not refused.get(name):
            nearest, wanted = _format_value(name, has), _format_value(name, value)
            return f"The camera's nearest {label} is {nearest}; {wanted} was requested."
        offer = f"it takes {self._offer(name)}; error {refused[name]:#x}"
        kept, wanted = _format_value(name, has), _format_value(name, value)
        return f"The camera keeps its {label} of {kept} ({offer}); {wanted} was requested."

    def _offer(self, name: str) -> str:
        if name == "pixel_format":
            return ", ".join(sorted(self.formats))
        offer = SETTINGS[name].range_of(self.session.describe_feature(SETTINGS[name].feature)[1], read_only=False)
        return f"{_format_value(name, offer.minimum)} to {_format_value(name, offer.maximum)}"


def _of(feature: str) -> list[str]:
    return [name for name, setting in SETTINGS.items() if setting.feature == feature]


def _format_value(name: str, value: Any) -> str:
    """A value in words: `3.096 ms`, `2.5`."""
    if name == "exposure_us":
        return format_exposure(value)
    return f"{value:g}" if isinstance(value, float) else str(value)
