"""QUANTITIES: what sensors measure, with units and plausible limits. Django-free."""

from __future__ import annotations

from dataclasses import dataclass


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
