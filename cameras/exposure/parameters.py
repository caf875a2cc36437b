"""One setting of a camera as an amount of light, and how an amount of light is distributed over the camera's
settings. Values become EV, within the limits and the camera's own values; the EV of two settings add up: light is
exposure x gain (or ISO) / f-number squared. For more light the first parameter grows to its limit, then the second,
and so on; less light is the reverse of it. A parameter with few values takes the nearest one, and the finer
parameters take the difference. Pure."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from cameras.drivers.base import SettingRange
from cameras.exposure.settings import ExposureControl, growth_order
from core.api.model import is_number

DB_FOR_ONE_EV = 20 * math.log10(2)
WHOLE = ("exposure_us", "iso")
SMALLEST = {"exposure_us": 1.0, "iso": 1.0, "gain": 0.001, "f_number": 0.1}
"""Of a setting that is proportional to light: a linear gain of 0 has no logarithm."""
DECIMALS = 6


def finite(value: Any) -> float | None:
    """The value if it is a finite number."""
    try:
        return value if is_number(value) and math.isfinite(value) else None
    except OverflowError:
        return None


@dataclass(frozen=True, slots=True)
class Scale:
    """How the values of a setting become EV."""

    name: str
    decibels: bool = False

    def ev(self, value: float) -> float:
        if self.decibels:
            return value / DB_FOR_ONE_EV
        stops = math.log2(max(value, SMALLEST[self.name]))
        return -2 * stops if self.name == "f_number" else stops

    def value(self, ev: float) -> float:
        if self.decibels:
            return ev * DB_FOR_ONE_EV
        return float(2 ** (-ev / 2 if self.name == "f_number" else ev))

    def is_valid(self, value: float | None) -> bool:
        """Whether a camera can have used this value: some report 0 for a lens without contacts."""
        return value is not None and (self.decibels or self.name == "gain" or value > 0)


@dataclass(frozen=True, slots=True)
class Grid:
    """A range of values in which a camera has every `step`-th, or any if `step` is None. `low` and `high` are values
    of the grid."""

    low: float
    high: float
    step: float | None
    whole: bool

    def around(self, value: float) -> tuple[float, float]:
        """The nearest values of the grid below and above."""
        value = min(max(value, self.low), self.high)
        if self.step is None:
            return self._exact(value), self._exact(value)
        steps = (value - self.low) / self.step
        return tuple(self._exact(self.low + edge(steps) * self.step) for edge in (math.floor, math.ceil))  # type: ignore[return-value]

    def _exact(self, value: float) -> float:
        within = min(max(round(value, DECIMALS), self.low), self.high)
        return round(within) if self.whole else within


@dataclass(frozen=True)
class Parameter:
    """A setting that exposure control moves. `choices` are sorted by their light; `grid` is a range of further values,
    such as a DSLR's bulb exposures. One of the two exists."""

    scale: Scale
    choices: tuple[float, ...]
    grid: Grid | None

    @property
    def name(self) -> str:
        return self.scale.name

    def ev(self, value: float) -> float:
        return self.scale.ev(value)

    @cached_property
    def low_ev(self) -> float:
        return self.ev(self._darkest_and_brightest()[0])

    @cached_property
    def high_ev(self) -> float:
        return self.ev(self._darkest_and_brightest()[1])

    @property
    def width_ev(self) -> float:
        return self.high_ev - self.low_ev

    def candidates(self, ev: float) -> list[float]:
        """The allowed values next to this light, darkest first."""
        ev = min(max(ev, self.low_ev), self.high_ev)
        place = bisect_left(self.choices, ev - 1e-9, key=self.ev)
        found = {*self.choices[max(place - 1, 0) : place + 1]}
        if self.grid is not None:
            found |= set(self.grid.around(self.scale.value(ev)))
        return sorted(found, key=self.ev)

    def nearest(self, ev: float) -> float:
        return min(self.candidates(ev), key=lambda value: abs(self.ev(value) - ev))

    def gap_ev(self, ev: float) -> float:
        """The distance of the allowed values around this light; 0 where every value is allowed."""
        ev = min(max(ev, self.low_ev), self.high_ev)
        # A little to both sides: for a light that is one of the values, the larger of its two gaps.
        sides = [sorted(map(self.ev, self._around(ev + shift))) for shift in (-1e-6, 1e-6)]
        return max((high - low for low, high in sides), default=0.0)

    def _around(self, ev: float) -> tuple[float, float]:
        """The nearest value below and the nearest above, which are the same outside the range."""
        values = self.candidates(ev)
        below = [value for value in values if self.ev(value) <= ev]
        above = [value for value in values if self.ev(value) >= ev]
        return (below[-1] if below else values[0]), (above[0] if above else values[-1])

    def _darkest_and_brightest(self) -> tuple[float, float]:
        ends = [*self.choices, *((self.grid.low, self.grid.high) if self.grid else ())]
        return min(ends, key=self.ev), max(ends, key=self.ev)


def parameters_of(control: ExposureControl, ranges: Mapping[str, SettingRange]) -> list[Parameter]:
    """The settings that have limits and that the camera can set, in the order in which they grow for more light.

    A setting that has no value both within the limits and of the camera is left out.
    """
    found = [
        parameter_of(name, control[name], ranges[name])  # type: ignore[literal-required]
        for name in growth_order(control)
        if name in ranges
    ]
    return [parameter for parameter in found if parameter is not None]


def parameter_of(name: str, limits: list[float], allowed: SettingRange) -> Parameter | None:
    scale = Scale(name, decibels=name == "gain" and allowed.unit == "dB")
    low, high = limits if scale.decibels else (max(limits[0], SMALLEST[name]), limits[1])
    numbers = sorted({value for value in allowed.choices or [] if finite(value) is not None})
    choices = sorted((value for value in numbers if low <= value <= high), key=scale.ev)
    grid = _grid(name, low, high, allowed, numbers)
    if allowed.read_only or not (choices or grid):
        return None
    return Parameter(scale, tuple(choices), grid)


def _grid(name: str, low: float, high: float, allowed: SettingRange, numbers: list[float]) -> Grid | None:
    """The values that are no choices: all of a camera without choices, those above the longest choice of one with
    bulb."""
    minimum, maximum = finite(allowed.minimum), finite(allowed.maximum)
    if allowed.choices is not None:
        longest = numbers[-1] if numbers else minimum
        if maximum is None or (longest is not None and maximum <= longest):
            return None
        low = low if longest is None else max(low, longest)
    low = low if minimum is None else max(low, minimum)
    high = high if maximum is None else min(high, maximum)
    step = finite(allowed.step)
    return _on_grid(low, high, step if step is not None and step > 0 else None, minimum, whole=name in WHOLE)


def _on_grid(low: float, high: float, step: float | None, origin: float | None, *, whole: bool) -> Grid | None:
    """The range from the first to the last value of the grid; None if it has none."""
    if step is None and whole:
        step, origin = 1.0, 0.0
    start = origin or 0.0
    if step is not None and math.isfinite((low - start) / step) and math.isfinite((high - start) / step):
        # A billionth of a step less, because 0.3 / 0.1 is less than 3.
        first, last = math.ceil((low - start) / step - 1e-9), math.floor((high - start) / step + 1e-9)
        low, high = max(low, start + first * step), min(high, start + last * step)
    else:
        step = None
    if whole:
        low, high = math.ceil(low), math.floor(high)
    return Grid(low, high, step, whole) if low <= high else None


KEPT_STEPS = 0.75
"""A value is kept while the light changes by less than this share of the distance to the next: more than half, so that
noise between two values does not alternate between them."""
SMOOTH_EV = 0.05
"""Below this distance of its values a parameter need not be kept."""
EQUAL_EV = 1e-6

Settings = dict[str, float]


def total_ev(parameters: Sequence[Parameter], settings: Mapping[str, float]) -> float:
    return sum(parameter.ev(settings[parameter.name]) for parameter in parameters)


def shares_of(parameters: Sequence[Parameter], total: float) -> dict[str, float]:
    """The EV of each parameter if every value were allowed."""
    left = total - sum(parameter.low_ev for parameter in parameters)
    shares = {}
    for parameter in parameters:
        part = min(max(left, 0.0), parameter.width_ev)
        shares[parameter.name] = parameter.low_ev + part
        left -= part
    return shares


def allocate(parameters: Sequence[Parameter], total: float, current: Mapping[str, float] | None = None) -> Settings:
    """The settings whose light is nearest to `total`, in EV.

    `current` are the present settings: those with few values are kept where the other parameters can take the change.
    """
    if not parameters:
        return {}
    shares = shares_of(parameters, total)
    # Of equal ones the last, so that the first in the order takes the difference.
    coarsest = max(reversed(parameters), key=lambda parameter: parameter.gap_ev(shares[parameter.name]))
    others = [parameter for parameter in parameters if parameter is not coarsest]
    value = _choose(coarsest, parameters, others, total)
    if current is not None:
        value = _kept(coarsest, parameters, others, total, value, current[coarsest.name])
    rest = allocate(others, total - coarsest.ev(value), current)
    return {parameter.name: ({coarsest.name: value} | rest)[parameter.name] for parameter in parameters}


def resolution_ev(parameters: Sequence[Parameter], settings: Mapping[str, float]) -> float:
    """The smallest change of light that the parameters can make around these settings."""
    gaps = [(parameter.gap_ev(parameter.ev(settings[parameter.name])), parameter.width_ev) for parameter in parameters]
    step: float | None = None
    for gap, width in sorted((one for one in gaps if one[1] > 0), reverse=True):
        # A finer parameter fills the gaps of a coarser one only if it reaches over them.
        if step is None or width >= step - EQUAL_EV:
            step = gap
    return step or 0.0


def _choose(parameter: Parameter, parameters: Sequence[Parameter], others: Sequence[Parameter], total: float) -> float:
    """The value nearest to the parameter's share, of those that leave a rest which the others can take."""
    share = shares_of(parameters, total)[parameter.name]
    return min(
        parameter.candidates(share),
        key=lambda value: (_untaken(total - parameter.ev(value), others), abs(parameter.ev(value) - share)),
    )


def _kept(
    parameter: Parameter,
    parameters: Sequence[Parameter],
    others: Sequence[Parameter],
    total: float,
    value: float,
    current: float,
) -> float:
    """The current value, if it would also be chosen for slightly more or less light and costs no accuracy."""
    gap = parameter.gap_ev(parameter.ev(current))
    if gap < SMOOTH_EV:
        return value
    margin = KEPT_STEPS * gap
    darker, brighter = (_choose(parameter, parameters, others, total + shift) for shift in (-margin, margin))
    near = parameter.ev(darker) <= parameter.ev(current) <= parameter.ev(brighter)
    untaken, at_best = (_untaken(total - parameter.ev(one), others) for one in (current, value))
    return current if near and untaken <= at_best else value


def _untaken(rest: float, others: Sequence[Parameter]) -> float:
    """By how many EV the others cannot take this rest."""
    low, high = sum(one.low_ev for one in others), sum(one.high_ev for one in others)
    missing = max(low - rest, rest - high)
    return missing if missing > EQUAL_EV else 0.0
