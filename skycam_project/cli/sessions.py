"""`skycam sessions`: what ran, and the ledger of each."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import click

from skycam_project.cli.capturing import draw_session
from skycam_project.cli.errors import CliError
from skycam_project.cli.options import Group
from skycam_project.cli.output import answer, grid, say, seconds, short_time, show
from skycam_project.cli.station import current

if TYPE_CHECKING:
    from captures.models import Session
    from skycam_project.cli.identity import Person


@click.group(cls=Group)
def sessions() -> None:
    """List sessions and show their ledgers."""


@sessions.command("list")
@click.option("--camera", metavar="SLUG", help="Of this camera alone.")
@click.option("--active", is_flag=True, help="Only those that have not ended.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=20, show_default=True, help="At most so many.")
def list_sessions(camera: str | None, active: bool, limit: int) -> None:
    """List sessions, the newest first."""
    person = current().person("viewer")
    from captures.bodies import session_body
    from captures.models.session import ACTIVE
    from captures.selectors import sessions_for

    found = sessions_for(person.user)
    found = found.filter(state__in=ACTIVE) if active else found
    found = found.filter(camera__slug=camera) if camera else found
    answer({"results": [dict(session_body(session)) for session in found[:limit]]}, draw_sessions)


@sessions.command("show")
@click.argument("session_id", metavar="[ID]", required=False)
@click.option("--limit", type=click.IntRange(0), default=50, show_default=True, help="At most so many captures.")
def show_session(session_id: str | None, limit: int) -> None:
    """Show a session with its gaps and its newest captures; by default the newest session."""
    person = current().person("viewer")
    from captures.bodies import capture_body, session_body
    from captures.selectors import captures_for

    session = the_session(person, session_id)
    captures = captures_for(person.user).filter(session=session).order_by("-index")[:limit]
    body = {**session_body(session), "captures": [dict(capture_body(capture)) for capture in reversed(captures)]}
    answer(body, draw_ledger)


def the_session(person: Person, text: str | None) -> Session:
    """The session of that id, else the newest; CliError when this person knows none such."""
    from captures.selectors import sessions_for

    visible = sessions_for(person.user)
    found = visible.first() if text is None else visible.filter(pk=as_id(text)).first()
    if found is None:
        raise CliError("not-found", f"There is no session {text}." if text else "There is no session yet.")
    return found


def as_id(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError:
        raise CliError("invalid", f"{text!r} is not the id of a session. `skycam sessions list` shows ids.") from None


def draw_sessions(body: dict[str, Any]) -> None:
    columns = ["id", "camera", "name", "state", "started", "ended", "planned", "saved", "failed", "skipped"]
    show(grid(columns, [session_cells(session) for session in body["results"]]))


def session_cells(session: dict[str, Any]) -> list[object]:
    times = [short_time(session["started"]), short_time(session["ended"])]
    counts = [session[name] for name in ("planned", "saved", "failed", "skipped")]
    return [session["id"], session["camera"], session["name"], session["state"], *times, *counts]


def draw_ledger(body: dict[str, Any]) -> None:
    draw_session(body)
    if body["gaps"]:
        rows = [[short_time(gap["from"]), short_time(gap["to"]), gap["count"], gap["reason"]] for gap in body["gaps"]]
        show(grid(["gap from", "to", "missed", "reason"], rows))
    if body["captures"]:
        columns = ["index", "started", "status", "exposure", "file or reason", "sentence"]
        show(grid(columns, [capture_cells(capture) for capture in body["captures"]]))
    say(f"{body['planned']} planned = {body['saved']} saved + {body['failed']} failed + {body['skipped']} skipped")


def capture_cells(capture: dict[str, Any]) -> list[object]:
    what = capture["filename"] if capture["status"] == "saved" else capture["reason"]
    exposure = seconds(capture["exposure_us"])
    return [capture["index"], short_time(capture["started"]), capture["status"], exposure, what, capture["message"]]
