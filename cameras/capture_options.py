"""The options that a camera takes for a single capture, as it declared them when it was last opened."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError

from cameras.drivers.options import Option, option_errors
from cameras.models import Camera
from core.dataclass_json import dataclass_from_json
from core.text.sentences import pluralize, sentence


def declared_options(camera: Camera) -> dict[str, Option]:
    found = camera.capabilities.get("options", {})
    return {name: dataclass_from_json(Option, option) for name, option in found.items()}


def describe_options(options: Mapping[str, Any]) -> str:
    """`shutter no, mode first, header 12 words`."""
    return ", ".join(f"{name} {_describe_value(value)}" for name, value in options.items())


def _describe_value(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return pluralize(len(value), "word") if isinstance(value, dict) else str(value)


def check_options(camera: Camera, options: Mapping[str, Any] | None, field: str = "options") -> None:
    """ValidationError with a sentence for each option that the camera does not take, under `options.NAME`."""
    if not options:
        return
    if not camera.capabilities:
        message = sentence("{camera} was never opened, so its options are not known yet.", camera=camera)
        raise ValidationError({field: message})
    if errors := option_errors(declared_options(camera), options):
        raise ValidationError({f"{field}.{name}" if name else field: text for name, text in errors.items()})
