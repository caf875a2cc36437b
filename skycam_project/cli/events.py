"""`skycam events` and `skycam alerts`."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from core.text.sentences import pluralize, short_id
from skycam_project.cli.alert_rules import maintenance, rules
from skycam_project.cli.camera_control import camera_filter
from skycam_project.cli.errors import CliError
from skycam_project.cli.ids import find_by_id
from skycam_project.cli.local_files import check_destination, write_lines
from skycam_project.cli.options import Command, Group, PastTimeParam, given
from skycam_project.cli.output import format_time, make_table, print_line, print_result, print_table, to_json
from skycam_project.cli.shared_options import SEVERITIES, camera, shared_option
from skycam_project.cli.station import current

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from core.events.models import Event
    from monitoring.event_search import EventSearch
    from skycam_project.cli.identity import Caller

EVERY_S = 1.0
AT_ONCE = 1000
"""Maximum events printed per poll; the rest follow with the next."""


@click.command(cls=Command)
@camera("Only this camera.")
@shared_option("--severity", "This severity or higher.")
@shared_option("--kind", "Only this kind, such as session.gap, or a prefix such as session.")
@shared_option("--host", "Only of this host.")
@click.option("--search", help="Words, each in the message, the kind, the subject or the user.")
@shared_option("--since", "From this time: 22:30, 2026-03-01T22:30:00Z, or 2 h (ago).")
@shared_option("--until", "Before this time, written in the same way.", type=PastTimeParam())
@shared_option("--limit", "Maximum number.")
@click.option("--export", type=click.Path(dir_okay=False), help="Write all of them to this file: .csv or .jsonl.")
@shared_option("--force", "Replace the file.")
@shared_option("--follow", "Continue with new events, until Ctrl-C.")
def events(
    camera: str | None,
    severity: str | None,
    kind: str | None,
    host: str | None,
    search: str | None,
    since: datetime | None,
    until: datetime | None,
    limit: int,
    export: str | None,
    force: bool,
    follow: bool,
) -> None:
    """Show events, newest last, or write them to a file.

    Only managers see events that concern users.

    Example: skycam events dslr --severity warning --since 8h
    """
    caller = current().authorize("viewer")
    found = selected_events(caller, camera, severity, kind)
    searched = search_events(found.filter(**given(at__gte=since, at__lt=until)), kind, host, search)
    if export is not None:
        print_result(export_events(caller, searched, Path(export), force=force), print_exported)
        return
    newest = list(islice(searched.all(), limit))
    bodies = event_bodies(caller, newest)
    if not follow:
        print_result({"results": bodies}, print_events)
        return
    for body in reversed(bodies):
        print_event(body)
    try:
        follow_events(caller, searched.matching, newest[0] if newest else None)
    except KeyboardInterrupt:
        return


def selected_events(caller: Caller, slug: str | None, severity: str | None, kind: str | None) -> QuerySet[Event]:
    """The events that the caller may see; CliError for a camera that the caller cannot see."""
    from core.events.selectors import events_for

    found = events_for(caller.user)
    if slug is not None:
        # For its error: otherwise a camera that is hidden or misspelt would look like one without events.
        camera_filter(caller, slug)
        found = found.filter(camera=slug)
    if severity is not None:
        found = found.filter(severity__in=SEVERITIES[SEVERITIES.index(severity) :])
    return found.filter(kind__startswith=kind) if kind else found


def search_events(found: QuerySet[Event], kind: str | None, host: str | None, text: str | None) -> EventSearch:
    """`found` are those of the kind. CliError for a text with too many words, or one that no text of an event has."""
    from pydantic import ValidationError

    from core.api.model import error_sentence
    from monitoring.event_search import EventSearch, row_condition
    from monitoring.resource import EventQuery

    try:
        query = EventQuery.model_validate(given(kind=kind, host=host, q=text))
    except ValidationError as error:
        raise CliError("invalid", error_sentence(error.errors()[0])) from None
    return EventSearch(found, row_condition(query) or None)


def export_events(caller: Caller, searched: EventSearch, target: Path, *, force: bool) -> dict[str, Any]:
    """CliError when the file exists already, cannot be written, or is of another kind."""
    from monitoring.event_search import FORMATS

    suffix = target.suffix.removeprefix(".")
    if suffix not in FORMATS:
        raise CliError("invalid", f"The name of {target} must end in {' or '.join(f'.{name}' for name in FORMATS)}.")
    check_destination(str(target), force=force)
    _, lines = FORMATS[suffix]
    body: dict[str, Any] = {"file": str(target), "events": 0}
    write_lines(target, lines(counted(searched.all(), body), caller.user))
    return body


def counted(events: Iterable[Event], body: dict[str, Any]) -> Iterator[Event]:
    for event in events:
        body["events"] += 1
        yield event


def print_exported(body: dict[str, Any]) -> None:
    print_line(f"{pluralize(body['events'], 'event')} written to {body['file']}.")


def event_bodies(caller: Caller, events: list[Event]) -> list[dict[str, Any]]:
    from core.events.answers import event_body

    return [event_body(event, caller.user) for event in events]


def follow_events(caller: Caller, events: QuerySet[Event], last: Event | None) -> None:
    """Poll each second for events after `last`. Events recorded late with an earlier time are missed."""
    from django.utils import timezone

    at, pk = (last.at, last.pk) if last else (timezone.now(), None)
    while True:
        time.sleep(EVERY_S)
        later = events.filter(at__gte=at).order_by("at", "id")
        # Several events may have the same time.
        later = later.exclude(at=at, pk__lte=pk) if pk else later
        for event in list(later[:AT_ONCE]):
            print_event(event_bodies(caller, [event])[0])
            at, pk = event.at, event.pk


def print_event(body: dict[str, Any]) -> None:
    if current().output == "json":
        click.echo(to_json(body))
    else:
        print_line(event_line(body))


def print_events(body: dict[str, Any]) -> None:
    for event in reversed(body["results"]):
        print_line(event_line(event))
    if not body["results"]:
        print_line("No events.")


def event_line(event: dict[str, Any]) -> str:
    severity = f"{event['severity']}: " if event["severity"] != "info" else ""
    return f"{format_time(event['at'])}  {event['camera'] or '-':<12}  {severity}{event['message']}"


@click.group(cls=Group)
def alerts() -> None:
    """List, acknowledge and silence alerts; manage their rules."""


alerts.add_command(rules)
alerts.add_command(maintenance)


@alerts.command("list")
@camera("Only this camera.")
@shared_option("--severity", "This severity or higher.")
@shared_option("--all", "Include resolved alerts.")
@shared_option("--limit", "Maximum number.")
def list_alerts(camera: str | None, severity: str | None, every: bool, limit: int) -> None:
    """List unresolved alerts, newest first.

    Example: skycam alerts list --severity error
    """
    caller = current().authorize("viewer")
    from core.events.models import Alert
    from core.events.selectors import alerts_for
    from monitoring.resource import ALERTS

    found = alerts_for(caller.user)
    if camera is not None:
        camera_filter(caller, camera)
        found = found.filter(camera=camera)
    found = found if every else found.exclude(state=Alert.State.RESOLVED)
    if severity is not None:
        found = found.filter(severity__in=SEVERITIES[SEVERITIES.index(severity) :])
    rows = found.order_by("-opened_at", "-id")[:limit]
    print_result({"results": ALERTS.bodies(rows, caller.user)}, print_alerts)


@alerts.command("ack")
@click.argument("alert_ids", metavar="ID...", nargs=-1, required=True)
def acknowledge(alert_ids: tuple[str, ...]) -> None:
    """Acknowledge the alerts ID. They are resolved when their cause is gone. The first characters of an id are enough.

    Example: skycam alerts ack 01a1fc97-f1ce
    """
    caller = current().authorize("operator")
    from core.events.selectors import alerts_for
    from core.events.service import acknowledge_alert
    from monitoring.resource import ALERTS

    found = [find_by_id(alerts_for(caller.user), text, "alert") for text in alert_ids]
    results = ALERTS.bodies([acknowledge_alert(alert, caller.actor) for alert in found], caller.user)
    print_result({"results": results}, print_acknowledged)


@alerts.command("silence")
@click.argument("alert_id", metavar="ID")
@shared_option("--for", "For how long, such as 8h. Without it: until it is resolved.")
@shared_option("--reason", "Why, for those who look at the alert.")
def silence(alert_id: str, for_s: float | None, reason: str) -> None:
    """Notify no one of alerts with the key of the alert ID. They are still shown.

    Example: skycam alerts silence 01a1fc97-f1ce --for 8h --reason cleaning
    """
    caller = current().authorize("operator")
    from core.events.selectors import alerts_for
    from core.resources.resource import body_of
    from monitoring.notifications.resource import SilenceAlertRequest, SilenceBody
    from monitoring.notifications.silences import silence_alert

    found = find_by_id(alerts_for(caller.user), alert_id, "alert")
    wanted = SilenceAlertRequest(for_s=None if for_s is None else round(for_s), reason=reason)
    body = body_of(SilenceBody, silence_alert(found, caller.actor, wanted.reason, wanted.for_s))
    print_result(body, print_silence)


def silences_command(name: str) -> click.Command:
    """A command of `skycam silences`."""
    from monitoring.notifications.resource import SILENCES
    from skycam_project.cli.resources import commands_of

    return next(one for one in commands_of(SILENCES) if one.name == name)


@alerts.command("silences")
@click.pass_context
def list_silences(ctx: click.Context) -> None:
    """List the active silences, newest first."""
    current().authorize("viewer")
    ctx.invoke(silences_command("list"), active=True, limit=None)


@alerts.command("unsilence")
@click.argument("silence_id", metavar="ID")
@click.pass_context
def unsilence(ctx: click.Context, silence_id: str) -> None:
    """End the silence ID now. The first characters of its id are enough."""
    current().authorize("operator")
    ctx.invoke(silences_command("end"), key=silence_id)


def print_silence(body: dict[str, Any]) -> None:
    until = f"until {format_time(body['ends'])}" if body["ends"] else "until it is resolved"
    print_line(f"Silenced {body['key']} {until}.")


def print_alerts(body: dict[str, Any]) -> None:
    if not body["results"]:
        print_line("No alerts.")
        return
    rows = [
        [short_id(one["id"]), format_time(one["opened"]), one["severity"], alert_state(one), one["message"]]
        for one in body["results"]
    ]
    print_table(make_table(["id", "since", "severity", "state", "what"], rows))


def alert_state(alert: dict[str, Any]) -> str:
    seen = f"seen by {alert['acknowledged_by']}" if alert["acknowledged_by"] else alert["state"]
    return "over" if alert["resolved"] else seen


def print_acknowledged(body: dict[str, Any]) -> None:
    for one in body["results"]:
        print_line(f"{alert_state(one)[:1].upper()}{alert_state(one)[1:]}: {one['message']}")
