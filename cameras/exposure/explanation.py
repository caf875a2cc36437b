"""The last step of exposure control as one sentence, for pages."""

from __future__ import annotations

from typing import Any

from cameras.exposure.control import ControlState
from core.times.durations import format_rounded_exposure

FORMATS = {
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
        "first": f"No frame is measured yet: {_all(state['settings'])}",
        "unmeasured": f"The last frame could not be measured: {_all(state['settings'])}",
        "steady": f"{measured}, {target}: no change",
        "adjusted": f"{measured}, {target}: {_changes(state)}",
        "saturated": f"{share} saturated, {target}: {_changes(state)}",
        "black": f"{share} black, {target}: {_changes(state)}",
        "limit": f"{measured}, {target}: the settings are at their limits: {_all(state['settings'])}",
        "fixed": f"{measured}, {target}: the camera has no setting within the limits",
    }
    return sentences[reason]


def _all(settings: dict[str, Any]) -> str:
    return ", ".join(FORMATS[name](value) for name, value in settings.items()) or "no settings"


def _changes(state: ControlState) -> str:
    settings, before = state["settings"], state["before"]
    changed = [name for name, value in settings.items() if before.get(name) not in (None, value)]
    return ", ".join(f"{FORMATS[name](before[name])} -> {_bare(name, settings[name])}" for name in changed)


def _bare(name: str, value: float) -> str:
    """Without the name of the setting, which stands before the arrow."""
    return FORMATS[name](value).removeprefix("exposure ").removeprefix("gain ").removeprefix("ISO ")


def _three_digits(value: float) -> float:
    return float(f"{value:.3g}")
