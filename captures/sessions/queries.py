"""Bodies and query parameters of requests about sessions, and the page of their answers."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import ConfigDict, Field, model_validator

from cameras.camera_filter import CameraFilter
from captures.sessions.models import SessionState
from captures.sessions.requests import SessionRequest
from captures.sessions.service import Experiments
from core.api.model import StrictModel
from core.api.queries import PageQuery

Seconds = Annotated[float, Field(gt=0, le=3600)]


class StartBody(SessionRequest):
    """Give the exposure in microseconds (`exposure_us`) or in seconds (`exposure_s`)."""

    # Excluded from the dump: `programme()` holds only what the camera process knows.
    exposure_s: Annotated[Seconds | None, Field(exclude=True)] = None
    dry_run: Annotated[bool, Field(exclude=True, description="Only return the forecast.")] = False

    @model_validator(mode="before")
    @classmethod
    def _read_seconds(cls, given: Any) -> Any:
        return _in_microseconds(given, "exposure_s")


class SeedStartBody(StartBody):
    """Also accepts the seed's names `exposure` and `delay`, in seconds."""

    exposure: Annotated[Seconds | None, Field(exclude=True)] = None
    delay: Annotated[float | None, Field(ge=0, le=86_400, exclude=True)] = None

    @model_validator(mode="before")
    @classmethod
    def _read_seed_names(cls, given: Any) -> Any:
        given = _in_microseconds(given, "exposure")
        if not isinstance(given, dict) or given.get("delay") is None:
            return given
        if given.get("delay_s") is not None:
            raise ValueError("Give `delay` or `delay_s`, not both.")
        return {**given, "delay_s": given["delay"]}


def _in_microseconds(given: Any, name: str) -> Any:
    """Adds `exposure_us` for a time in seconds. Seconds that are not a valid number are left to their own field's
    validation."""
    seconds = given.get(name) if isinstance(given, dict) else None
    # bool is a subclass of int: true would be an exposure of 1 s.
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 < seconds <= 3600:
        return given
    if given.get("exposure_us") is not None:
        raise ValueError(f"Give the exposure once: `{name}` or another, not both.")
    return {**given, "exposure_us": max(1, round(seconds * 1e6))}


class SessionQuery(PageQuery):
    camera: CameraFilter = None
    state: SessionState | None = None


class StopBody(StrictModel):
    # Programs that stop sessions have always been free to send other keys, which mean nothing.
    model_config = ConfigDict(extra="ignore")

    experiments: Annotated[
        Experiments,
        Field(
            description="What happens to experiments whose stills the session takes. `ask`: the request is refused and "
            "names them; `suspend`: it stops, and their account shows the gap."
        ),
    ] = "ask"
