"""`skycam offsite`: destinations of off-site copies, and what waits for them."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from core.text.ids import short_id
from core.text.plurals import pluralize
from skycam_project.cli.camera_control import find_camera
from skycam_project.cli.captures import find_capture
from skycam_project.cli.errors import FAILED, CliError
from skycam_project.cli.experiments import find_experiment
from skycam_project.cli.ids import find_by_id
from skycam_project.cli.jobs import run_job, wait_and_show
from skycam_project.cli.options import Command, Group, PastTimeParam, given
from skycam_project.cli.output import format_time, make_table, print_line, print_result, print_table
from skycam_project.cli.programme_options import build_request
from skycam_project.cli.shared_options import RenamedOption, shared_option
from skycam_project.cli.station import current

if TYPE_CHECKING:
    from captures.models import Destination
    from skycam_project.cli.identity import Caller

STATES = ["queued", "sending", "verified", "dead", "gone"]
CLASSES = ["rolling_clip", "manual_clip", "capture", "archive"]
OPTIONS = {"classes": "--class", "cameras": "--camera", "bytes_per_s": "--rate", "settings": "--set"}
"""Field -> option, where the names differ."""


@click.group(cls=Group)
def offsite() -> None:
    """Copy files to another disk or server; show what waits."""


@offsite.command("destinations")
def list_destinations() -> None:
    """List the destinations with what waits for them."""
    current().authorize("manager")
    print_result({"results": all_bodies()}, print_destinations)


@offsite.command("status")
def status() -> None:
    """Show what waits for each destination, and why.

    Also since when it fails.
    """
    current().authorize("manager")
    print_result({"results": all_bodies()}, print_status)


@offsite.command("add")
@click.argument("kind", type=click.Choice(["s3", "sftp", "folder"]))
@click.argument("name")
@shared_option("--set", "A setting of the kind, such as bucket=copies; may be repeated.", into="settings")
@click.option("--class", "classes", multiple=True, type=click.Choice(CLASSES), required=True, help="Which files.")
@shared_option("--camera", "Only files of this camera; may be given again.", into="cameras", multiple=True)
@click.option(
    "--rate", "bytes_per_s", cls=RenamedOption, former="--limit", type=int, help="Bytes per second of each host."
)
@click.option("--begin", help="Only from this time of the site's clock, such as 22:00; with --end.")
@click.option("--end", help="Until this time.")
@click.option("--keep-local/--no-keep-local", default=None, help="Delete no file here before its copy is verified.")
@shared_option("--secret-file", "The secret as JSON; - reads it from stdin.")
def add(
    kind: str, name: str, settings: tuple[str, ...], classes: tuple[str, ...], cameras: tuple[str, ...],
    secret_file: Any, **values: Any,
) -> None:  # fmt: skip
    """Add a destination. Test it next.

    The secret is read from a file or stdin, because every user of the machine can read command lines.

    Example: skycam offsite add folder disk2 --set path=/mnt/copies --class rolling_clip
    """
    caller = current().authorize("manager")
    from captures.offsite.bodies import destination_body
    from captures.offsite.requests import DestinationRequest
    from captures.offsite.services import add_destination

    wanted = build_request(
        DestinationRequest, OPTIONS, name=name, kind=kind, settings=parse_settings(settings), classes=list(classes),
        **given(**values, cameras=list(cameras) or None, secret=secret_file),
    )  # fmt: skip
    print_result(dict(destination_body(add_destination(wanted, caller.actor))), print_added)


@offsite.command("set")
@click.argument("name")
@shared_option("--name", "Another name.", into="new_name")
@shared_option("--set", "A setting to change, such as bucket=copies; may be repeated.", into="settings")
@click.option("--copies-moved", is_flag=True, help="The copies were moved to the new place, too.")
@click.option("--class", "classes", multiple=True, type=click.Choice(CLASSES), help="Which files; replaces all.")
@click.option(
    "--rate",
    "bytes_per_s",
    cls=RenamedOption,
    former="--limit",
    type=int,
    help="Bytes per second of each host; 0: no limit.",
)
@click.option("--begin", help="Only from this time of the site's clock, such as 22:00; empty: at all hours.")
@click.option("--end", help="Until this time.")
@click.option("--keep-local/--no-keep-local", default=None, help="Delete no file here before its copy is verified.")
@click.option("--host-key", help="Fingerprint of the server's key; empty: the next test pins it.")
@shared_option("--secret-file", "The secret as JSON; - reads it from stdin.")
def change(
    name: str, new_name: str | None, settings: tuple[str, ...], classes: tuple[str, ...], secret_file: Any,
    **values: Any,
) -> None:  # fmt: skip
    """Change the destination NAME.

    Limits and hours hold at once. A place with other copies needs --copies-moved; they are compared there.

    Example: skycam offsite set disk2 --rate 2000000
    """
    caller = current().authorize("manager")
    from captures.offsite.bodies import destination_body
    from captures.offsite.requests import DestinationChange
    from captures.offsite.services import change_destination

    found = find_destination(name)
    wanted = build_request(
        DestinationChange, OPTIONS,
        **given(
            **values, name=new_name, settings=found.settings | parse_settings(settings) if settings else None,
            classes=list(classes) or None, secret=secret_file,
        ),
    )  # fmt: skip
    changed = change_destination(found, wanted, caller.actor)
    print_result(dict(destination_body(changed)), lambda body: print_line(f"Changed {body['name']}."))


@offsite.command("remove")
@click.argument("name")
@shared_option("--force", "Also while files wait that must not be deleted here before.")
def remove(name: str, force: bool) -> None:
    """Forget the destination NAME. Its copies stay where they are."""
    caller = current().authorize("manager")
    from captures.offsite.bodies import destination_body
    from captures.offsite.services import remove_destination

    found = find_destination(name)
    body = dict(destination_body(found))
    remove_destination(found, caller.actor, force=force)
    print_result(body, lambda one: print_line(f"Removed {one['name']}. Its copies stay where they are."))


@offsite.command("test", cls=Command)
@click.argument("name")
@shared_option("--host", "The host that tests; by default this one.")
def test(name: str, host: str | None) -> int:
    """Write, read and remove a file at NAME."""
    caller = current().authorize("manager")
    from django.conf import settings

    from captures.offsite.services import TEST_KIND

    found = find_destination(name)
    subject = str(found.pk)
    arguments = {"destination": subject}
    job = run_job(caller, TEST_KIND, host or settings.STATION.host, camera=None, subject=subject, arguments=arguments)
    body = dict(job.result or {})
    print_result(body, lambda one: print_line("\n".join(one["said"])))
    return 0 if body["works"] else FAILED


@offsite.command("copies")
@click.option("--destination", help="Only copies at this destination.")
@shared_option("--state", "Only copies in this state.", type=click.Choice(STATES))
@shared_option("--limit", "Maximum number.")
def list_copies(destination: str | None, state: str | None, limit: int) -> None:
    """List copies, the newest row first."""
    current().authorize("manager")
    from captures.models import OffsiteCopy
    from captures.offsite.bodies import copy_body

    found = OffsiteCopy.objects.filter(**given(state=state))
    if destination is not None:
        found = found.filter(destination=find_destination(destination))
    print_result({"results": [dict(copy_body(one)) for one in found[:limit]]}, print_copies)


@offsite.command("retry")
@click.argument("name")
@click.option("--copy", "copy_id", help="Only this copy, by the beginning of its id.")
def retry(name: str, copy_id: str | None) -> None:
    """Queue dead copies of NAME again.

    The destination is also tried now.
    """
    caller = current().authorize("manager")
    from captures.offsite.queue import retry_dead, try_now

    found = find_destination(name)
    copies = found.copies.all()
    if copy_id is not None:
        copies = copies.filter(pk=find_by_id(copies, copy_id, "copy").pk)
    moved = retry_dead(copies, caller.actor)
    try_now(found)
    queued = pluralize(moved, "copy", "copies")
    print_result({"copies": moved}, lambda _: print_line(f"Queued {queued} again."))


@offsite.command("bring-back", cls=Command)
@shared_option("--camera", "Only files of this camera.")
@click.option("--capture", metavar="ID", help="The files of this capture.")
@click.option("--experiment", metavar="NAME", help="The captures and the archive of this experiment, by name or id.")
@click.option("--destination", help="Only files with a verified copy at this destination.")
@shared_option("--since", "Captured from this time: 22:30, 2026-03-01T22:30:00Z, or 2 h (ago).")
@shared_option("--until", "Captured before this time.", type=PastTimeParam())
@click.option(
    "--days",
    type=click.IntRange(1, 3650),
    default=7,
    show_default=True,
    help="For so long no rule moves them away again.",
)
@shared_option("--dry-run", "Only show what would come back, and whether it fits.")
def bring_back(
    camera: str | None, capture: str | None, experiment: str | None, destination: str | None, since: datetime | None,
    until: datetime | None, days: int, dry_run: bool,
) -> int:  # fmt: skip
    """Bring files back that only a destination has.

    Each is compared with its SHA-256 before its row says that it is here. Nothing begins when the files do not fit.
    This is a job on each host: Ctrl-C ends the command, and the jobs go on.

    Example: skycam offsite bring-back --camera dslr --since 2026-03-01T00:00:00Z --days 30 --dry-run
    """
    caller = current().authorize("manager")
    from captures.bring_back.bodies import bring_back_body
    from captures.bring_back.planning import make_plan
    from captures.bring_back.requests import BringBackRequest
    from captures.bring_back.services import start_bring_back

    wanted = build_request(
        BringBackRequest, {"from": "--since", "to": "--until"},
        **given(
            capture=str(find_capture(caller, capture, None).pk) if capture else None,
            experiment=str(find_experiment(caller, experiment).pk) if experiment else None,
            destination=str(find_destination(destination).pk) if destination else None,
            camera=find_camera(caller, camera).slug if camera else None, to=until, days=days, **{"from": since},
        ),
    )  # fmt: skip
    if dry_run:
        plan = make_plan(wanted)
        print_result({"dry_run": True, **bring_back_body(plan, [], caller.user)}, print_bring_back)
        return FAILED if plan.problems else 0
    plan, jobs = start_bring_back(wanted, caller.actor)
    ended = [wait_and_show(job, run_here=True) for job in jobs]
    body = {"dry_run": False, **bring_back_body(plan, ended, caller.user)}
    print_result(body, print_bring_back)
    is_whole = all(job.state == "done" and not (job.result or {}).get("problems") for job in ended)
    return 0 if is_whole and not plan.lost else FAILED


def print_bring_back(body: dict[str, Any]) -> None:
    from core.templatetags.skycam import format_bytes

    if not body["roots"]:
        print_line("All chosen files are here.")
        return
    rows = [
        (one["host"], one["path"], f"{one['files']:,}", format_bytes(one["bytes"]), one["lost"],
         "" if one["free_bytes"] is None else format_bytes(one["free_bytes"]))
        for one in body["roots"]
    ]  # fmt: skip
    print_table(make_table(["host", "to", "files", "size", "no copy", "free before"], rows))
    for one in body["roots"]:
        if one["problem"]:
            print_line(one["problem"])
    if body["dry_run"]:
        print_line("Nothing was changed.")
    for job in body["jobs"]:
        result = job["result"] or {}
        print_line(f"{job['host']}: {job['error'] or job['message'] or job['state']}")
        for problem in result.get("problems", []):
            print_line(problem)
        if result.get("until"):
            print_line(f"No rule moves them away again before {format_time(result['until'])}.")


@offsite.command("pause")
@click.argument("name")
def pause(name: str) -> None:
    """Send nothing to the destination NAME.

    Files still wait for their copies, until it is resumed.
    """
    enable(current().authorize("manager"), name, enabled=False)


@offsite.command("resume")
@click.argument("name")
def resume(name: str) -> None:
    """Send to the destination NAME again."""
    enable(current().authorize("manager"), name, enabled=True)


def enable(caller: Caller, name: str, *, enabled: bool) -> None:
    from captures.offsite.bodies import destination_body
    from captures.offsite.requests import DestinationChange
    from captures.offsite.services import change_destination

    changed = change_destination(find_destination(name), DestinationChange(enabled=enabled), caller.actor)
    verb = "resumed" if enabled else "paused"
    print_result(dict(destination_body(changed)), lambda body: print_line(f"{body['name']} is {verb}."))


def find_destination(name: str) -> Destination:
    """CliError."""
    from captures.models import Destination

    found = Destination.objects.filter(name=name).first()
    if found is None:
        raise CliError("not-found", f"There is no destination {name!r}. `skycam offsite destinations` lists all.")
    return found


def all_bodies() -> list[dict[str, Any]]:
    from captures.models import Destination
    from captures.offsite.bodies import destination_body

    return [dict(destination_body(one)) for one in Destination.objects.prefetch_related("cameras", "hosts")]


def parse_settings(values: tuple[str, ...]) -> dict[str, Any]:
    """CliError."""
    found: dict[str, Any] = {}
    for value in values:
        name, equals, text = value.partition("=")
        if not equals:
            raise CliError("invalid", f"{value!r} is not a setting. Write NAME=VALUE.")
        found[name] = {"true": True, "false": False}.get(text, int(text) if text.isdecimal() else text)
    return found


def print_added(body: dict[str, Any]) -> None:
    print_line(f"Added {body['name']}. Test it: skycam offsite test {body['name']}")


def print_destinations(body: dict[str, Any]) -> None:
    from core.templatetags.skycam import format_bytes

    if not body["results"]:
        print_line("No destination. `skycam offsite add` adds one.")
        return
    rows = [
        (one["name"], one["kind"], "yes" if one["enabled"] else "paused", f"{one['backlog']['files']:,}",
         format_bytes(one["backlog"]["bytes"]), format_time(one["backlog"]["oldest"]), one["backlog"]["dead"])
        for one in body["results"]
    ]  # fmt: skip
    print_table(make_table(["name", "kind", "enabled", "files waiting", "bytes", "oldest", "dead"], rows))


def print_status(body: dict[str, Any]) -> None:
    print_destinations(body)
    for one in body["results"]:
        for host in one["hosts"]:
            if host["failures"]:
                since = format_time(host["failing_since"])
                print_line(f"{one['name']} fails from {host['host']} since {since}: {host['error']}")


def print_copies(body: dict[str, Any]) -> None:
    if not body["results"]:
        print_line("No copies.")
        return
    rows = [
        (short_id(one["id"]), one["state"], one["host"], one["path"], one["attempts"], one["error"])
        for one in body["results"]
    ]
    print_table(make_table(["id", "state", "host", "path", "attempts", "error"], rows))
