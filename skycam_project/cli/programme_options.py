"""The options of commands that say what a session captures, and the request that they make."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from core.times.durations import format_exposure, parse_exposure
from skycam_project.cli.errors import CliError, invalid
from skycam_project.cli.options import BracketParam, DurationParam, ExposureParam, LimitsParam, NamedTextParam, given

if TYPE_CHECKING:
    from pydantic import BaseModel

    from cameras.models import Camera

Request = TypeVar("Request", bound="BaseModel")
Function = TypeVar("Function", bound=Callable[..., Any])
EXPOSURE = "Exposure time, such as 8s, 250ms, 1/50; a plain number is seconds."
PROGRAMME_OPTIONS = (
    click.option("--exposure", "-e", type=ExposureParam(), help=f"{EXPOSURE} camera.exposure_time by default."),
    click.option("--bracket", type=BracketParam(), help="Several exposure times: 1ms,10ms,100ms, or -2,0,2EV."),
    click.option("--burst", type=int, help="This number of equal exposures, as fast as the camera can."),
    click.option(
        "--delay",
        "-d",
        type=DurationParam(),
        help="Time from the end of one capture to the start of the next, such as 12 s; camera.delay by default.",
    ),
    click.option(
        "--every",
        "--cadence",
        "cadence",
        type=DurationParam(),
        help="Time from one start to the next, instead of --delay; of a bracket or burst from its first exposure.",
    ),
    click.option(
        "--auto",
        type=LimitsParam(lambda text: parse_exposure(text, bare="s"), "50us-20s"),
        help="Automatic exposure between these limits, such as 50us-20s; --exposure is that of the first picture.",
    ),
    click.option(
        "--target", type=float, help="With --auto: brightness to reach, 0.02 to 0.9 of full scale; 0.4 by default."
    ),
    click.option("--iso-limits", type=LimitsParam(int, "100-3200"), help="With --auto: the ISO may change too."),
    click.option("--gain-limits", type=LimitsParam(float, "1-8"), help="With --auto: the gain may change too."),
    click.option(
        "--f-number-limits", type=LimitsParam(float, "1.4-8"), help="With --auto: the aperture may change too."
    ),
    click.option(
        "--mask",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="With --auto: a picture; its white part is measured.",
    ),
    click.option("--f-number", "-f", type=float, help="Aperture; camera.f_number by default."),
    click.option("--iso", type=int, help="ISO sensitivity, for DSLRs."),
    click.option("--gain", type=float, help="Gain, if the camera has one."),
    click.option("--count", type=int, help="End after this number of pictures."),
    click.option("--format", help="File format of a DSLR: raw, jpeg, raw+jpeg, or the camera's own name."),
)


capture_options = click.option(
    "--option",
    "options",
    type=NamedTextParam(),
    multiple=True,
    metavar="NAME=VALUE",
    help="An option of the camera, such as shutter=no or header.filter=V; can be repeated. "
    "`skycam cameras show` lists them.",
)


def chosen_options(camera: Camera, pairs: list[tuple[str, str]]) -> dict[str, Any] | None:
    """The options in the form of the driver; None without one. Their check follows with the request."""
    from cameras.capture_options import declared_options
    from cameras.drivers.options import parse_options

    return parse_options(declared_options(camera), pairs) or None


def programme_options(function: Function) -> Function:
    """Adds PROGRAMME_OPTIONS to a command, in their order."""
    for option in reversed(PROGRAMME_OPTIONS):
        function = option(function)
    return function


def session_request(
    exposure: int | None,
    delay: float | None,
    cadence: float | None,
    bracket: dict[str, list[Any]] | None = None,
    begin: datetime | None = None,
    until: datetime | None = None,
    auto: list[int] | None = None,
    target: float | None = None,
    mask: Path | None = None,
    **values: Any,
) -> Any:
    """The session's request. CliError names the command's options."""
    from captures.sessions.requests import EXPOSURE_US, SessionRequest

    limits = {name: values.pop(f"{name}_limits", None) for name in ("iso", "gain", "f_number")}
    control = exposure_control(auto, mask, target=target, **limits)

    if bracket is not None and values.get("burst") is not None:
        raise CliError("invalid", "Give --bracket or --burst, not both.")
    if begin is not None and until is None:
        raise CliError("invalid", "--from needs --until: write when the session ends as well.")
    kind = "bracket" if bracket else "burst" if values.get("burst") is not None else None

    if delay is not None and cadence is not None:
        message = (
            "Give --delay (from the end of one capture to the next start) or --every (from start to start), not both."
        )
        raise CliError("invalid", message)
    longest = auto[1] if auto else exposure or EXPOSURE_US
    if kind is None and cadence is not None and cadence * 1e6 < longest:
        message = f"{cadence:g} s is shorter than the exposure of {format_exposure(longest)}."
        raise CliError("invalid", f"--every: {message} Give a longer time.")
    windows = [(begin, until)] if begin is not None else None
    return build_request(
        SessionRequest,
        kind=kind,
        control=control,
        exposure_us=exposure,
        delay_s=delay,
        cadence_s=cadence,
        windows=windows,
        until=None if windows else until,
        **(bracket or {}),
        **values,
    )


def exposure_control(auto: list[int] | None, mask: Path | None, **values: Any) -> Any:
    """Automatic exposure, or None. CliError when an option is given that belongs to it."""
    from cameras.exposure.settings import ExposureControlRequest, InvalidMask, mask_from_image

    if auto is None:
        unused = [CONTROL_OPTIONS[name] for name, value in {**values, "mask": mask}.items() if value is not None]
        if unused:
            raise CliError("invalid", f"{unused[0]} needs --auto, such as --auto 50us-20s.")
        return None
    try:
        grid = mask_from_image(io.BytesIO(mask.read_bytes())) if mask else None
    except (InvalidMask, OSError) as error:
        raise CliError("invalid", f"--mask: {error}") from None
    return build_request(ExposureControlRequest, CONTROL_OPTIONS, exposure_us=auto, mask=grid, **values)


CONTROL_OPTIONS = {
    "exposure_us": "--auto", "target": "--target", "iso": "--iso-limits", "gain": "--gain-limits",
    "f_number": "--f-number-limits", "mask": "--mask",
}  # fmt: skip
OPTIONS = {
    "exposure_us": "--exposure", "delay_s": "--delay", "cadence_s": "--every", "exposures_us": "--bracket",
    "ev_steps": "--bracket", "windows": "--from",
}  # fmt: skip


def build_request(model: type[Request], options: dict[str, str] = OPTIONS, /, **values: Any) -> Request:
    """A request from the values that were given. CliError names the `options` of its fields."""
    from pydantic import ValidationError

    from core.api.model import describe_error

    try:
        return model(**given(**values))
    except ValidationError as error:
        raise invalid(
            (option_name(options, str(item["loc"][0])) if item["loc"] else "", describe_error(item))
            for item in error.errors()
        ) from None


def option_name(options: dict[str, str], field: str) -> str:
    return options.get(field, f"--{field.replace('_', '-')}")
