"""Distributes an amount of light over the camera's settings. Pure.

For more light the first parameter grows to its limit, then the second, and so on; less light is the reverse of it. A
parameter with few values takes the nearest one, and the finer parameters take the difference.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cameras.exposure.parameters import Parameter

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
