"""STATUS_SOURCES: the kinds of sources of the telescope's status. Adding one is one file and one line. Django-free."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from cameras.telescope_status.base import SourceContext, StatusError, StatusSource
from core.api.constraints import describe_error
from core.registry import resolve

STATUS_SOURCES = {
    "fixed": ("Fixed values", "cameras.telescope_status.fixed.FixedSource"),
    "file": ("File of another program", "cameras.telescope_status.file.StatusFileSource"),
    "simulated": ("Simulated telescope", "cameras.telescope_status.simulated.SimulatedSource"),
    "indi": ("INDI server", "cameras.telescope_status.indi.source.IndiSource"),
}
"""Kind -> its label, and its class. An observatory's own protocol is one more line."""


def source_class(kind: str) -> type[StatusSource]:
    """StatusError for a kind that does not exist."""
    if kind not in STATUS_SOURCES:
        raise StatusError(
            f"There is no source of telescope status {kind!r}. Choose one of {', '.join(STATUS_SOURCES)}."
        )
    found: type[StatusSource] = resolve(STATUS_SOURCES[kind][1])
    return found


def create_source(kind: str, settings: Mapping[str, Any], context: SourceContext) -> StatusSource:
    """A source that has opened nothing yet. StatusError for a kind or a setting that is not valid."""
    found = source_class(kind)
    try:
        checked = found.Settings.model_validate(dict(settings))
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        what = f"The setting {name}" if name else "A setting"
        why = describe_error(first).rstrip(".")
        raise StatusError(f"{what} of the telescope status source {kind}: {why}.") from None
    return found(checked, context)
