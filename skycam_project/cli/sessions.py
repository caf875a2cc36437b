"""`skycam sessions`: the sessions and their ledgers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from skycam_project.cli.camera_control import camera_filter
from skycam_project.cli.camera_parameter import camera
from skycam_project.cli.ids import find_by_id, find_newest, short_id
from skycam_project.cli.options import Group
from skycam_project.cli.output import (
    format_seconds,
    format_time,
    humanize,
    make_table,
    print_line,
    print_result,
    print_table,
)
from skycam_project.cli.session_control import change_session
from skycam_project.cli.session_output import print_session
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
@click.option("--limit", type=click.IntRange(1, 10_000), default=20, show_default=True, help="Maximum number.")
def list_sessions(camera: str | None, active: bool, limit: int) -> None:
    """List sessions, newest first."""
    caller = current().authorize("viewer")
    from captures.sessions.bodies import session_body
    from captures.sessions.models import ACTIVE
    from captures.sessions.selectors import sessions_for

    found = sessions_for(caller.user).filter(**camera_filter(caller, camera))
    found = found.filter(state__in=ACTIVE) if active else found
    print_result({"results": [dict(session_body(session)) for session in found[:limit]]}, print_sessions)


@sessions.command("show")
@click.argument("session_id", metavar="[ID]", required=False)
@click.option("--camera", "-c", metavar="CAMERA", help="Use the newest session of this camera.")
@click.option("--limit", type=click.IntRange(0), default=50, show_default=True, help="Maximum number of captures.")
def show_session(session_id: str | None, camera: str | None, limit: int) -> None:
    """Show a session with its gaps and newest captures. Without ID it shows the newest session."""
    caller = current().authorize("viewer")
    from captures.capturing.bodies import capture_body
    from captures.capturing.selectors import captures_for
    from captures.sessions.bodies import session_body

    session = find_session(caller, session_id, camera)
    captures = captures_for(caller.user).filter(session=session).order_by("-index")[:limit]
    body = {**session_body(session), "captures": [dict(capture_body(capture)) for capture in reversed(captures)]}
    print_result(body, print_ledger)


@sessions.command("stop")
@click.argument("session_id", metavar="ID")
def stop_session(session_id: str) -> None:
    """Stop the session ID; a session that has ended does not change."""
    caller = current().authorize("operator")
    change_session(caller, find_session(caller, session_id), "stop")


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
    from captures.sessions.bodies import session_body
    from captures.sessions.handover import hand_over

    found = hand_over(find_session(caller, session_id), user, caller.actor)
    print_result(dict(session_body(found)), print_session)


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
    started, lost = format_time(session["started"] or session["created"])[:16], session["failed"] + session["skipped"]
    names = [session[name] for name in ("camera", "name", "state", "saved")]
    return [short_id(session["id"]), started, *names, lost]


def print_ledger(body: dict[str, Any]) -> None:
    print_session(body)
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
