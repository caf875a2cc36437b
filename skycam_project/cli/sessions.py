"""`skycam sessions`: the sessions and their ledgers."""

from __future__ import annotations

from datetime import date, datetime, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from core.text.sentences import short_id
from skycam_project.cli.camera_control import camera_filter
from skycam_project.cli.errors import CliError
from skycam_project.cli.ids import find_by_id, find_newest
from skycam_project.cli.options import Group
from skycam_project.cli.output import (
    format_listed_time,
    format_seconds,
    format_time,
    humanize,
    make_table,
    print_line,
    print_result,
    print_table,
)
from skycam_project.cli.session_control import change_session, print_session, stop_session, suspend_experiments
from skycam_project.cli.shared_options import camera, shared_option
from skycam_project.cli.station import current

if TYPE_CHECKING:
    from captures.models import Session
    from skycam_project.cli.identity import Caller


@click.group(cls=Group)
def sessions() -> None:
    """List, show, stop, pause, resume and hand over sessions."""


@sessions.command("list")
@camera("Only this camera.")
@click.option("--active", is_flag=True, help="Only sessions that have not ended.")
@shared_option("--limit", "Maximum number.")
def list_sessions(camera: str | None, active: bool, limit: int) -> None:
    """List sessions, newest first."""
    caller = current().authorize("viewer")
    from captures.sessions.answers import SessionBody
    from captures.sessions.models import ACTIVE
    from captures.sessions.selectors import sessions_for
    from core.resources.resource import body_of

    found = sessions_for(caller.user).filter(**camera_filter(caller, camera))
    found = found.filter(state__in=ACTIVE) if active else found
    print_result({"results": [body_of(SessionBody, session) for session in found[:limit]]}, print_sessions)


@sessions.command("show")
@click.argument("session_id", metavar="[ID]", required=False)
@shared_option("--camera", "Use the newest session of this camera.")
@shared_option("--limit", "Maximum number of captures.", default=50)
def show_session(session_id: str | None, camera: str | None, limit: int) -> None:
    """Show a session with its gaps and newest captures. Without ID it shows the newest session.

    Each gap shows how many captures were missed, and why.
    """
    caller = current().authorize("viewer")
    from captures.capturing.answers import CaptureBody
    from captures.capturing.selectors import captures_for
    from captures.pages.sessions.display import present_wait
    from captures.sessions.answers import SessionBody
    from core.resources.resource import body_of

    session = find_session(caller, session_id, camera)
    captures = captures_for(caller.user).filter(session=session).order_by("-index")[:limit]
    body = {
        **body_of(SessionBody, session),
        "captures": [body_of(CaptureBody, capture) for capture in reversed(captures)],
    }
    print_result(body, lambda shown: print_ledger(shown, present_wait(session, format_time)))


@sessions.command("stop")
@click.argument("session_id", metavar="ID")
@suspend_experiments
def stop_by_id(session_id: str, suspend_experiments: bool) -> None:
    """Stop the session ID; a session that has ended does not change. Refused while it takes the stills of an
    experiment."""
    caller = current().authorize("operator")
    stop_session(caller, find_session(caller, session_id), suspend_experiments)


@sessions.command("pause")
@click.argument("session_id", metavar="ID")
def pause_session(session_id: str) -> None:
    """Pause the session ID. The current capture finishes, and no further one starts."""
    caller = current().authorize("operator")
    change_session(caller, find_session(caller, session_id), "pause")


@sessions.command("resume")
@click.argument("session_id", metavar="ID")
def resume_session(session_id: str) -> None:
    """Resume the paused session ID."""
    caller = current().authorize("operator")
    change_session(caller, find_session(caller, session_id), "resume")


@sessions.command("hand-over")
@click.argument("session_id", metavar="ID")
@click.argument("user")
def hand_over_session(session_id: str, user: str) -> None:
    """Hand the session ID over to USER, who holds its camera then. The session goes on."""
    caller = current().authorize("operator")
    from captures.sessions.answers import SessionBody
    from captures.sessions.service import hand_over
    from core.resources.resource import body_of

    found = hand_over(find_session(caller, session_id), user, caller.actor)
    print_result(body_of(SessionBody, found), print_session)


@sessions.command("report")
@click.argument("night", metavar="[NIGHT]", required=False)
@camera("Only this camera.")
@click.option("--html", type=click.Path(dir_okay=False, path_type=Path), help="Also write the report as one file.")
def report_night(night: str | None, camera: str | None, html: Path | None) -> None:
    """Show the report of a night.

    NIGHT is the date of its evening, such as 2026-11-22; by default the last night that is over. The report says
    whether the night is complete, and if not, when, what and why.
    """
    caller = current().authorize("viewer")
    from core.resources.resource import body_of
    from scheduler.reports.bodies import ReportBody
    from scheduler.reports.html_file import render_report
    from scheduler.reports.report import chosen_cameras, last_night, night_report

    chosen = parse_night_argument(night) if night else last_night(caller.user)
    if camera:
        camera_filter(caller, camera)  # with its suggestions for a misspelt name
    report = night_report(chosen, chosen_cameras(caller.user, camera), caller.user)
    if html:
        write_html(html, render_report(report))
    print_result(body_of(ReportBody, report), print_report)


def parse_night_argument(text: str) -> date:
    from scheduler.reports.bodies import NoSuchNight, parse_night

    try:
        return parse_night(text)
    except NoSuchNight as error:
        raise click.BadParameter(str(error), param_hint="NIGHT") from None


def write_html(path: Path, content: str) -> None:
    try:
        path.write_text(content, encoding="utf-8")
    except OSError as error:
        raise CliError("failed", f"{path} cannot be written: {error.strerror}.") from error


def print_report(body: dict[str, Any]) -> None:
    zone = current().zone_of(body["time_zone"])
    print_line(f"Night of {body['night']}, times in {zone}")
    print_line(body["sentence"])
    if body["cameras"]:
        columns = ["camera", "planned", "saved", "failed", "skipped", "lost", "size"]
        print_table(make_table(columns, [camera_cells(one) for one in body["cameras"]]))
    if body["losses"]:
        columns = ["from", "to", "camera", "captures", "reason", "sentence"]
        print_table(make_table(columns, [loss_cells(loss, zone) for loss in body["losses"]]))
    more = f" + {body['open']} without an outcome yet" if body["open"] else ""
    sign = "=" if body["sum_holds"] else "is not"
    print_line(
        f"{body['planned']} planned {sign} {body['saved']} saved + {body['failed']} failed + "
        f"{body['skipped']} skipped{more}"
    )


def camera_cells(one: dict[str, Any]) -> list[object]:
    from core.templatetags.skycam import duration, format_bytes

    counts = [one[name] for name in ("planned", "saved", "failed", "skipped")]
    return [one["camera"], *counts, duration(one["lost_s"]) if one["lost_s"] else "", format_bytes(one["bytes"])]


def loss_cells(loss: dict[str, Any], zone: tzinfo) -> list[object]:
    count = f"about {loss['count']}" if loss["estimated"] else loss["count"]
    ends = [datetime.fromisoformat(loss[name]).astimezone(zone) for name in ("from", "to")]
    times = [f"{at:%m-%d %H:%M:%S %Z}" for at in ends]
    return [*times, loss["camera"], count, humanize(loss["reason"]), loss["message"]]


def find_session(caller: Caller, text: str | None, camera: str | None = None) -> Session:
    """The session whose id begins with `text`, else the newest of all or of that camera; CliError when there is
    none."""
    from captures.sessions.selectors import sessions_for

    visible = sessions_for(caller.user).filter(**camera_filter(caller, camera))
    return find_by_id(visible, text, "session") if text else find_newest(visible, "session", camera)


def print_sessions(body: dict[str, Any]) -> None:
    columns = ["id", "started", "camera", "name", "state", "saved", "lost"]
    print_table(make_table(columns, [session_cells(session) for session in body["results"]]))


def session_cells(session: dict[str, Any]) -> list[object]:
    started, lost = format_listed_time(session["started"] or session["created"]), session["failed"] + session["skipped"]
    names = [session[name] for name in ("camera", "name", "state", "saved")]
    return [short_id(session["id"]), started, *names, lost]


def print_ledger(body: dict[str, Any], waits: str) -> None:
    print_session(body)
    if waits:
        print_line(waits)
    if body["gaps"]:
        rows = [
            [format_time(gap["from"]), format_time(gap["to"]), gap["count"], humanize(gap["reason"])]
            for gap in body["gaps"]
        ]
        print_table(make_table(["gap from", "to", "missed", "reason"], rows))
    if body["captures"]:
        columns = ["index", "started", "status", "exposure", "file or reason", "sentence"]
        print_table(make_table(columns, [capture_cells(capture) for capture in body["captures"]]))
    print_line(
        f"{body['planned']} planned = {body['saved']} saved + {body['failed']} failed + {body['skipped']} skipped"
    )


def capture_cells(capture: dict[str, Any]) -> list[object]:
    what = capture["filename"] if capture["status"] == "saved" else humanize(capture["reason"])
    exposure = format_seconds(capture["exposure_us"])
    return [capture["index"], format_time(capture["started"]), capture["status"], exposure, what, capture["message"]]
