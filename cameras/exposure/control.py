"""Automatic exposure: the next settings, from the statistics of a frame and the settings that it was made with, and
the last step as one sentence, for pages. Pure. The light that a frame needs is absolute: the light of its own
settings, times target / measured. So a frame that was made before the last change asks for the same light as one that
was made after it, and a delay cannot cause oscillation. All of it is in EV, of linearised values."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypedDict

from cameras.drivers.base import SettingRange
from cameras.exposure.levels import Levels, Transfer, from_linear, to_linear
from cameras.exposure.parameters import (
    KEPT_STEPS,
    Parameter,
    Settings,
    allocate,
    finite,
    parameters_of,
    resolution_ev,
    total_ev,
)
from cameras.exposure.settings import ExposureControl
from core.times.durations import format_rounded_exposure

if TYPE_CHECKING:
    from cameras.exposure.statistics import FrameStatistics

SATURATED, BLACK = 0.98, 0.01
"""From here on, as recorded, the measured brightness is only a lower bound of the light; up to here an upper bound."""
BRIGHTEST_CHANNEL = 0.95
"""The measure of the brightest channel is kept below this: coloured light saturates one channel before the luma."""
LEAST_BOUND_EV, MOST_BOUND_EV = 0.5, 5.0
"""The correction of a frame of which only a bound is known: the first if few pixels are at the bound, the second if all
are. A smaller one than the measured one is not used."""
UNDAMPED_EV = 3.0
"""The damping decreases with the correction, and a correction of this size is made in full: a damping of 0.95 would
lag behind twilight by many EV."""
USUAL_SHARE = 0.5
"""The share of saturated or black pixels up to which the mean says how bright a frame is."""
DIGITS = 4

Reason = Literal["first", "unmeasured", "steady", "adjusted", "saturated", "black", "limit", "fixed"]


class ControlState(TypedDict):
    """What is kept between two frames. `settings` are to be used for the next exposure, `before` were used until then.

    `measured` is the measure as a fraction of full scale as recorded, `share` the saturated or black share.
    """

    settings: dict[str, Any]
    before: dict[str, Any]
    reason: Reason
    measured: float | None
    target: float
    share: float


@dataclass(frozen=True, slots=True)
class Correction:
    """By how many EV the settings of a frame missed the target; `measured` as recorded."""

    ev: float
    measured: float
    bound: Literal["", "saturated", "black"] = ""
    share: float = 0.0


def first_state(control: ExposureControl, start: Mapping[str, Any], ranges: Mapping[str, SettingRange]) -> ControlState:
    """The state before the first frame. `start` are the settings to begin with; they are moved into the limits."""
    settings = _within(parameters_of(control, ranges), start)
    return ControlState(
        settings=settings, before=settings, reason="first", measured=None, target=control["target"], share=0.0
    )


def next_state(
    control: ExposureControl,
    state: ControlState,
    measured: FrameStatistics | None,
    used: Mapping[str, Any],
    ranges: Mapping[str, SettingRange],
    transfer: Transfer,
) -> ControlState:
    """The state after a frame that was made with the settings `used`. The settings are always within the limits.

    `measured` is None for a frame that could not be measured; the settings then stay.
    """
    parameters = parameters_of(control, ranges)
    current = _within(parameters, state["settings"])
    correction = correction_of(control, measured, transfer) if measured is not None else None
    if correction is None:
        return _state(control, current, current, None, "unmeasured")
    if not parameters:
        return _state(control, current, current, correction, "fixed")
    now = total_ev(parameters, current)
    error = total_ev(parameters, _used(parameters, used, current)) + correction.ev - now
    if abs(error) <= max(control["hysteresis_ev"], KEPT_STEPS * resolution_ev(parameters, current)):
        return _state(control, current, current, correction, "steady")
    found = allocate(parameters, now + error * (1 - _withheld(control["damping"], error)), current)
    if found == current:
        # The damped change is smaller than the camera's steps.
        found = allocate(parameters, now + error, current)
    if found == current:
        return _state(control, current, current, correction, "limit")
    return _state(control, found, current, correction, correction.bound or "adjusted")


def correction_of(control: ExposureControl, measured: FrameStatistics, transfer: Transfer) -> Correction | None:
    """The correction of the settings that the frame was made with; None for statistics without pixels."""
    if measured.luma.pixels <= 0 or measured.peak.pixels <= 0:
        return None
    luma, peak = (_measure(control, levels, transfer) for levels in (measured.luma, measured.peak))
    recorded = from_linear(luma, transfer)
    wanted = math.log2(to_linear(control["target"], transfer) / luma)
    allowed = math.log2(to_linear(BRIGHTEST_CHANNEL, transfer) / peak)
    ev = min(wanted, allowed)
    if from_linear(peak, transfer) >= SATURATED:
        step = _bound_ev(measured.saturated, _usual_share(control, bright=True))
        return Correction(min(ev, -step), recorded, "saturated", measured.saturated)
    if recorded <= BLACK:
        step = _bound_ev(measured.black, _usual_share(control, bright=False))
        return Correction(max(ev, step), recorded, "black", measured.black)
    return Correction(ev, recorded)


def _measure(control: ExposureControl, levels: Levels, transfer: Transfer) -> float:
    """The light, at least that of half a level: 0 has no logarithm."""
    if control["measure"] == "mean":
        light = levels.mean(transfer)
    else:
        light = to_linear(levels.quantile(_percentile(control) / 100), transfer)
    return max(light, to_linear(levels.half_level, transfer))


def _percentile(control: ExposureControl) -> float:
    return control.get("percentile", 50.0) if control["measure"] == "percentile" else 50.0


def _usual_share(control: ExposureControl, *, bright: bool) -> float:
    """The share of saturated (or black) pixels that does not yet reach the measure."""
    if control["measure"] == "mean":
        return USUAL_SHARE
    below = _percentile(control) / 100
    return 1 - below if bright else below


def _bound_ev(share: float, usual: float) -> float:
    excess = min(1.0, max(0.0, (share - usual) / (1 - usual))) if usual < 1 else 0.0
    return LEAST_BOUND_EV + (MOST_BOUND_EV - LEAST_BOUND_EV) * excess


def _withheld(damping: float, error: float) -> float:
    return damping * max(0.0, 1 - abs(error) / UNDAMPED_EV)


def _within(parameters: Sequence[Parameter], settings: Mapping[str, Any]) -> Settings:
    """The nearest allowed values; the darkest one where there is no usable value."""
    return {parameter.name: _nearest(parameter, settings.get(parameter.name)) for parameter in parameters}


def _nearest(parameter: Parameter, value: Any) -> float:
    number = finite(value)
    usable = number is not None and parameter.scale.is_valid(number)
    return parameter.nearest(parameter.ev(number) if usable and number is not None else parameter.low_ev)


def _used(parameters: Sequence[Parameter], used: Mapping[str, Any], current: Settings) -> Settings:
    """The settings that a frame was made with; the current one where the camera reports none."""
    reported = {parameter.name: finite(used.get(parameter.name)) for parameter in parameters}
    valid = {
        parameter.name: value
        for parameter in parameters
        if (value := reported[parameter.name]) is not None and parameter.scale.is_valid(value)
    }
    return {**current, **valid}


def _state(
    control: ExposureControl, settings: Settings, before: Settings, correction: Correction | None, reason: Reason
) -> ControlState:
    return ControlState(
        settings=settings,
        before=before,
        reason=reason,
        measured=None if correction is None else round(correction.measured, DIGITS),
        target=control["target"],
        share=0.0 if correction is None else round(correction.share, DIGITS),
    )


SETTING_FORMATS = {
    "exposure_us": lambda value: f"exposure {format_rounded_exposure(value)}",
    "gain": lambda value: f"gain {_three_digits(value):g}",
    "iso": lambda value: f"ISO {value:g}",
    "f_number": lambda value: f"f/{_three_digits(value):g}",
}


def explain(state: ControlState) -> str:
    """`0.31 of full scale, target 0.40: exposure 8 s -> 10.3 s`."""
    reason, share = state["reason"], f"{state['share']:.0%} of the pixels"
    measured = "" if state["measured"] is None else f"{state['measured']:.2f} of full scale"
    target = f"target {state['target']:.2f}"
    sentences = {
        "first": f"No frame is measured yet: {_all_settings(state['settings'])}",
        "unmeasured": f"The last frame could not be measured: {_all_settings(state['settings'])}",
        "steady": f"{measured}, {target}: no change",
        "adjusted": f"{measured}, {target}: {_changes(state)}",
        "saturated": f"{share} saturated, {target}: {_changes(state)}",
        "black": f"{share} black, {target}: {_changes(state)}",
        "limit": f"{measured}, {target}: the settings are at their limits: {_all_settings(state['settings'])}",
        "fixed": f"{measured}, {target}: the camera has no setting within the limits",
    }
    return sentences[reason]


def _all_settings(settings: dict[str, Any]) -> str:
    return ", ".join(SETTING_FORMATS[name](value) for name, value in settings.items()) or "no settings"


def _changes(state: ControlState) -> str:
    settings, before = state["settings"], state["before"]
    changed = [name for name, value in settings.items() if before.get(name) not in (None, value)]
    return ", ".join(f"{SETTING_FORMATS[name](before[name])} -> {_bare(name, settings[name])}" for name in changed)


def _bare(name: str, value: float) -> str:
    """Without the name of the setting, which stands before the arrow."""
    return SETTING_FORMATS[name](value).removeprefix("exposure ").removeprefix("gain ").removeprefix("ISO ")


def _three_digits(value: float) -> float:
    return float(f"{value:.3g}")
