"""`skycam capture`, `start` and `stop`: over CameraService, like the pages and the API."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from skycam_project.cli.errors import STATUSES, CliError
from skycam_project.cli.operating import chosen
from skycam_project.cli.options import Command, Moment, Seconds, given, microseconds
from skycam_project.cli.output import answer, facts, say, seconds, short_time, warn
from skycam_project.cli.station import current

if TYPE_CHECKING:
    from captures.camera_service import Outcome
    from captures.models import Capture, Session

LOOK_EVERY_S = 0.2
MARGIN_S = 15.0


@click.command(cls=Command)
@click.option("--camera", metavar="SLUG", help="Which camera; by default the primary one.")
@click.option("--exposure", "-e", type=Seconds(), help="Exposure in seconds.")
@click.option("--gain", type=float)
@click.option("--iso", type=int)
@click.option("--f-number", "-f", type=float, help="Aperture: 2.8 is f/2.8.")
@click.option("--format", "file_format", help="What the camera shall leave, as it names it.")
@click.option("--job", help="A name of yours to find it by.")
@click.option("--note")
def capture(camera: str | None, exposure: float | None, file_format: str | None, **values: Any) -> None:
    """Take one picture and wait for it."""
    person = current().person("operator")
    from captures.bodies import capture_body
    from captures.camera_service import CameraService
    from captures.requests import CaptureRequest

    found = chosen(person, camera)
    request = CaptureRequest(**given(exposure_us=microseconds(exposure), format=file_format, **values))
    outcome = CameraService(person.actor).capture(found, request)
    taken = saved(outcome, request.exposure_s(found) + MARGIN_S)
    answer(dict(capture_body(taken)), lambda body: draw_capture(body, place(taken)))


def saved(outcome: Outcome, patience_s: float) -> Capture:
    """The capture, waited for beyond what the service waits; NotSaved or CliError when it was not saved."""
    from captures.outcomes import check_saved

    if outcome.pending and outcome.problem is None:
        outcome = replace(outcome, capture=ended(outcome.capture, patience_s))
    check_saved(outcome)
    if outcome.capture.status == outcome.capture.Status.PLANNED:
        raise CliError("too-slow", f"No outcome yet. The capture {outcome.capture.id} goes on, and will have one.")
    return outcome.capture


def ended(taken: Capture, patience_s: float) -> Capture:
    """The capture once it has an outcome; as it stands when it has none in `patience_s`."""
    deadline = time.monotonic() + patience_s
    while taken.status == taken.Status.PLANNED and time.monotonic() < deadline:
        time.sleep(LOOK_EVERY_S)
        taken.refresh_from_db()
    return taken


def place(taken: Capture) -> str:
    """Where its primary file lies."""
    file = taken.files.select_related("root").first()
    return f"{file.root.path}/{file.path}" if file else "nothing"


@click.command(cls=Command)
@click.option("--exposure", "-e", type=Seconds(), help="Exposure in seconds; else camera.exposure_time.")
@click.option("--delay", "-d", type=Seconds(), help="Seconds from the end of one to the next start; else camera.delay.")
@click.option("--f-number", "-f", type=float, help="Aperture; else camera.f_number.")
@click.option("--camera", metavar="SLUG", help="Which camera; by default the primary one.")
@click.option("--count", type=int, help="End after so many pictures.")
@click.option("--until", type=Moment(), help="End at this time: HH:MM, or 2026-03-01T05:30:00Z.")
@click.option("--cadence", type=Seconds(), help="Seconds from start to start, instead of --delay.")
@click.option("--iso", type=int)
@click.option("--gain", type=float)
@click.option("--name", help="What the session is called.")
def start(camera: str | None, exposure: float | None, delay: float | None, **values: Any) -> None:
    """Start a session: one picture after the other, until it is stopped."""
    person = current().person("operator")
    from captures.bodies import session_body
    from captures.camera_service import CameraService

    request = session_request(exposure, delay, **values)
    session = CameraService(person.actor).start_session(chosen(person, camera), request)
    answer(dict(session_body(session)), draw_started)


def session_request(exposure: float | None, delay: float | None, cadence: float | None, **values: Any) -> Any:
    from captures.requests import SessionRequest

    return SessionRequest(**given(exposure_us=microseconds(exposure), delay_s=delay, cadence_s=cadence, **values))


@click.command(cls=Command)
@click.option("--camera", metavar="SLUG", help="Which camera; by default the primary one.")
def stop(camera: str | None) -> None:
    """Stop the session that runs on a camera."""
    person = current().person("operator")
    from captures.bodies import session_body
    from captures.camera_service import CameraService
    from captures.sessions.orders import active_session

    found = chosen(person, camera)
    session = active_session(found)
    if session is None:
        raise CliError("not-found", f"No session runs on {found.slug}.")
    answer(dict(session_body(stopped(CameraService(person.actor), session))), draw_session)


def stopped(service: Any, session: Session) -> Session:
    """The session once its camera has stopped it. The wish stands also when the camera cannot be told now."""
    from cameras.broker import BrokerDown
    from cameras.control import ControlError
    from cameras.leases import Held

    try:
        found: Session = service.stop_session(session)
    except Held:
        raise
    except (ControlError, BrokerDown) as error:
        problem = getattr(error, "problem", "broker-down")
        told = "It is stored that the session shall stop, and it will as soon as its camera can be told."
        raise CliError(problem, f"{error} {told}", status=STATUSES.get(problem)) from None
    return found


def draw_capture(body: dict[str, Any], path: str) -> None:
    say(f"Saved {path}")
    facts(
        [
            ("exposure", asked_and_used(body["asked"].get("exposure_us"), body["exposure_us"])),
            ("f-number", body["f_number"]),
            ("ISO", body["iso"]),
            ("gain", body["gain"]),
            ("simulated", body["simulated"] or None),
            ("bytes", body["bytes"]),
            ("sha256", body["sha256"]),
            ("id", body["id"]),
        ]
    )
    warn(body["warnings"])


def asked_and_used(asked: int | None, used: int | None) -> str:
    if asked is None or asked == used:
        return seconds(used)
    return f"{seconds(asked)} asked, {seconds(used) or 'not told'} used"


def draw_started(body: dict[str, Any]) -> None:
    draw_session(body)
    say(f"Stop it with `skycam stop --camera {body['camera']}`; `skycam status --watch` shows it.")


def draw_session(body: dict[str, Any]) -> None:
    say(f"{body['camera']}: session {body['name'] or body['id']} is {body['state']}.")
    programme, actual = body["programme"], body.get("actual") or {}
    facts(
        [
            (
                "exposure",
                asked_and_used(programme.get("exposure_us"), actual.get("exposure_us", programme.get("exposure_us"))),
            ),
            ("f-number", asked_and_actual(programme, actual, "f_number")),
            ("ISO", asked_and_actual(programme, actual, "iso")),
            ("gain", asked_and_actual(programme, actual, "gain")),
            ("delay", named(programme.get("delay_s"), "s")),
            ("cadence", named(programme.get("cadence_s"), "s")),
            ("count", programme.get("count")),
            ("until", short_time(programme.get("until"))),
            ("reason", body["reason"]),
            ("message", body["message"]),
            ("planned", body["planned"]),
            ("saved", body["saved"]),
            ("failed", body["failed"]),
            ("skipped", body["skipped"]),
            ("id", body["id"]),
        ]
    )
    warn(body.get("warnings") or [])


def asked_and_actual(programme: dict[str, Any], actual: dict[str, Any], name: str) -> str:
    asked, used = programme.get(name), actual.get(name)
    if asked is None or used is None or asked == used:
        return str(asked if used is None else used) if (asked, used) != (None, None) else ""
    return f"{asked} asked, {used} used"


def named(value: float | None, unit: str) -> str:
    return "" if value is None else f"{value:g} {unit}"
