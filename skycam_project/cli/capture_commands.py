"""`skycam capture` and `start`, through CameraService like the pages and the API."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from core.times.time_parsing import InvalidTime, Location
from skycam_project.cli.camera_control import find_camera
from skycam_project.cli.errors import CliError
from skycam_project.cli.local_files import STDOUT, check_destination, copy_file, force_option, to_option
from skycam_project.cli.options import CameraTimeParam, Command, ExposureParam, station_place, time_at
from skycam_project.cli.output import format_requested_and_used, print_fields, print_line, print_result, print_warnings
from skycam_project.cli.programme_options import (
    EXPOSURE,
    build_request,
    capture_options,
    chosen_options,
    programme_options,
    session_request,
)
from skycam_project.cli.session_control import print_session
from skycam_project.cli.shared_options import camera, shared_option
from skycam_project.cli.station import current

if TYPE_CHECKING:
    from cameras.models import Camera
    from captures.capturing.outcomes import Outcome
    from captures.models import Capture, CaptureFile

POLL_S = 0.2
MARGIN_S = 15.0


@click.command(cls=Command)
@camera()
@click.option("--exposure", "-e", type=ExposureParam(), help=f"{EXPOSURE} The camera's setting by default.")
@click.option("--gain", type=float, help="Gain, if the camera has one.")
@click.option("--iso", type=int, help="ISO sensitivity, for DSLRs.")
@click.option("--f-number", "-f", type=float, help="Aperture: 2.8 is f/2.8.")
@click.option("--format", "file_format", help="File format of a DSLR: raw, jpeg, raw+jpeg, or the camera's own name.")
@capture_options
@click.option("--job", help="Your own name for finding the capture.")
@click.option("--note", help="A note to store with the capture.")
@to_option
@force_option
def capture(
    camera: str | None,
    exposure: int | None,
    file_format: str | None,
    options: list[tuple[str, str]],
    to: str | None,
    force: bool,
    **values: Any,
) -> None:
    """Capture one picture and wait until it is saved. --to also copies its first file.

    It exits with 0 only if the picture was saved. It is recorded with its outcome even if you interrupt the
    command.

    Example: skycam capture dslr --exposure 1/50 -o moon.jpg
    """
    caller = current().authorize("operator")
    from captures.camera_service import CameraService
    from captures.capturing.answers import CaptureBody
    from captures.capturing.requests import CaptureRequest
    from core.resources.resource import body_of

    # Before the camera is used: no picture is captured if its copy could not be written.
    check_destination(to, force=force)
    found = find_camera(caller, camera)
    chosen = chosen_options(found, options)
    request = build_request(CaptureRequest, exposure_us=exposure, format=file_format, options=chosen, **values)
    outcome = CameraService(caller.actor).capture(found, request)
    taken = require_saved(outcome, request.exposure_s(found) + MARGIN_S)
    path = copy_first_file(taken, to, force=force) if to else None
    # stdout has the file's bytes and nothing else.
    if to != STDOUT:
        body = {**body_of(CaptureBody, taken), **({"copied_to": str(path)} if path else {})}
        print_result(body, lambda body: print_capture(body, primary_file_path(taken)))


def copy_first_file(taken: Capture, to: str, *, force: bool) -> Path | None:
    """Copy the first file. CliError says that the picture itself is saved, and how to get it later."""
    try:
        return copy_file(first_file(taken), to, force=force)
    except CliError as error:
        later = f"The picture is saved: `skycam captures get {taken.pk} -o FILE` copies it."
        raise CliError(error.problem, f"{error.detail} {later}", status=error.status) from None


def first_file(taken: Capture) -> CaptureFile:
    file = taken.files.select_related("root").first()
    if file is None and taken.references.exists():
        raise CliError("not-found", "The files of the picture stay with the camera, so there is none to copy.")
    if file is None:
        raise CliError("not-found", "The picture's file is not in the database yet.")
    return file


def require_saved(outcome: Outcome, patience_s: float) -> Capture:
    """The saved capture. Waits longer than the service does. Raises NotSaved or CliError when it was not saved."""
    from captures.capturing.outcomes import check_saved

    if outcome.pending and outcome.problem is None:
        outcome = replace(outcome, capture=wait_for_outcome(outcome.capture, patience_s))
    check_saved(outcome)
    if outcome.capture.status == outcome.capture.Status.PLANNED:
        raise CliError("too-slow", f"The capture {outcome.capture.id} is not finished yet. It continues.")
    return outcome.capture


def wait_for_outcome(taken: Capture, patience_s: float) -> Capture:
    """The capture once it has an outcome, or as it is after `patience_s`."""
    deadline = time.monotonic() + patience_s
    while taken.status == taken.Status.PLANNED and time.monotonic() < deadline:
        time.sleep(POLL_S)
        taken.refresh_from_db()
    return taken


def primary_file_path(taken: Capture) -> str:
    """The path of the capture's first file, or how many of its files are remote."""
    from captures.capturing.records import describe_references

    file = taken.files.select_related("root").first()
    if file is not None:
        return f"{file.root.path}/{file.path}"
    references = describe_references(taken.references.all())
    return f"remote: {references}, not held by this station" if references else "nothing"


@click.command(cls=Command)
@camera()
@programme_options
@capture_options
@shared_option(
    "--from",
    "Begin at this time, with --until: 20:00, 2h (from now), dusk, ... Until then the session waits.",
    type=CameraTimeParam(),
)
@shared_option(
    "--until",
    "End at this time: 05:30, 2h (from now), 2026-03-01T05:30:00Z, dawn (civil), sunrise, ...",
    type=CameraTimeParam(),
)
@shared_option("--name", "Name of the session.")
@shared_option("--dry-run", "Only show the forecast; start nothing.")
def start(
    camera: str | None,
    exposure: int | None,
    delay: float | None,
    options: list[tuple[str, str]],
    dry_run: bool,
    **values: Any,
) -> None:
    """Start a session: captures until it is stopped.

    It first shows a forecast: how often, how many pictures, how many bytes. If the camera cannot use a value, it
    takes the nearest, and each capture records the values used.

    Example: skycam start dslr --exposure 8s --every 12s --until 05:30
    """
    caller = current().authorize("operator")
    from captures.camera_service import CameraService
    from captures.sessions.answers import ForecastBody, SessionBody
    from captures.sessions.forecast import forecast
    from core.resources.resource import body_of

    found = find_camera(caller, camera)
    chosen = chosen_options(found, options)
    request = session_request(exposure, delay, **{**values, "options": chosen, **times_at(found, values)})
    expected = body_of(ForecastBody, forecast(found, request, zone=current().zone))
    if dry_run:
        print_result(dict(expected), print_forecast)
        return
    # Programs read one JSON object, which has the forecast as a member.
    if current().output != "json":
        print_forecast(expected)
    session = CameraService(caller.actor).start_session(found, request)
    print_result({**body_of(SessionBody, session), "forecast": expected}, print_started)


def times_at(camera: Camera, values: dict[str, Any]) -> dict[str, datetime | None]:
    """Begin and end of the session, Sun events at the camera's host. CliError."""
    from scheduler.runs.rules import sites_of

    site = sites_of([camera])[camera.pk]
    # A host that has never run has not told where it is.
    place = station_place() if site.latitude is None else Location(site.latitude, site.longitude)
    try:
        now = datetime.now(UTC)
        begin = time_at(place, values["begin"], now)
        return {"begin": begin, "until": time_at(place, values["until"], max(begin or now, now))}
    except InvalidTime as error:
        raise CliError("invalid", str(error)) from None


def print_forecast(body: dict[str, Any]) -> None:
    print_line(body["sentence"])
    print_warnings(body["warnings"])


def print_capture(body: dict[str, Any], path: str) -> None:
    print_line(f"Saved {path}")
    print_fields(
        [
            ("copied to", body.get("copied_to")),
            ("exposure", format_requested_and_used(body["asked"].get("exposure_us"), body["exposure_us"])),
            ("f-number", body["f_number"]),
            ("ISO", body["iso"]),
            ("gain", body["gain"]),
            ("simulated", body["simulated"] or None),
            ("bytes", body["bytes"]),
            ("sha256", body["sha256"]),
            ("id", body["id"]),
        ]
    )
    print_warnings(body["warnings"])


def print_started(body: dict[str, Any]) -> None:
    print_session(body)
    print_line(f"Stop it with `skycam stop {body['camera']}`; `skycam status --watch` shows it.")
