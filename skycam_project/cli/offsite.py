"""`skycam offsite`: destinations of off-site copies, and what waits for them."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from core.text.sentences import pluralize
from skycam_project.cli.camera_control import find_camera
from skycam_project.cli.captures import find_capture
from skycam_project.cli.errors import FAILED
from skycam_project.cli.experiments import find_experiment
from skycam_project.cli.ids import find_by_id
from skycam_project.cli.jobs import run_job, wait_and_show
from skycam_project.cli.options import Command, PastTimeParam, given
from skycam_project.cli.output import format_time, make_table, print_line, print_result, print_table
from skycam_project.cli.programme_options import build_request
from skycam_project.cli.resource_group import ResourceGroup
from skycam_project.cli.shared_options import shared_option
from skycam_project.cli.station import current

if TYPE_CHECKING:
    from captures.models import Destination
    from skycam_project.cli.identity import Caller

offsite = ResourceGroup(
    "offsite",
    "Copy files to another disk or server; show what waits.",
    "captures.storage.offsite.resource.DESTINATIONS",
    "captures.storage.offsite.resource.COPIES",
)


@offsite.command("status")
def status() -> None:
    """Show what waits for each destination, and why.

    Also since when it fails.
    """
    caller = current().authorize("manager")
    from captures.storage.offsite.resource import DESTINATIONS
    from skycam_project.cli.resources import print_rows

    def print_status(body: dict[str, Any]) -> None:
        print_rows(DESTINATIONS, caller, body["results"])
        for one in body["results"]:
            for host in one["hosts"]:
                if host["failures"]:
                    since = format_time(host["failing_since"])
                    print_line(f"{one['name']} fails from {host['host']} since {since}: {host['error']}")

    bodies = DESTINATIONS.bodies(DESTINATIONS.all_rows(caller.user), caller.user)
    print_result({"results": bodies}, print_status)


@offsite.command("test", cls=Command)
@click.argument("name")
@shared_option("--host", "The host that tests; by default this one.")
def test(name: str, host: str | None) -> int:
    """Write, read and remove a file at NAME."""
    caller = current().authorize("manager")
    from django.conf import settings

    from captures.storage.offsite.services import TEST_KIND

    found = find_destination(caller, name)
    subject = str(found.pk)
    arguments = {"destination": subject}
    job = run_job(caller, TEST_KIND, host or settings.STATION.host, camera=None, subject=subject, arguments=arguments)
    body = dict(job.result or {})
    print_result(body, lambda one: print_line("\n".join(one["said"])))
    return 0 if body["works"] else FAILED


@offsite.command("retry")
@click.argument("name")
@click.option("--copy", "copy_id", help="Only this copy, by the beginning of its id.")
def retry(name: str, copy_id: str | None) -> None:
    """Queue dead copies of NAME again.

    The destination is also tried now.
    """
    caller = current().authorize("manager")
    from captures.storage.offsite.copy_rows import retry_dead, try_now

    found = find_destination(caller, name)
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
    from captures.storage.bring_back.api import bring_back_body
    from captures.storage.bring_back.planning import BringBackRequest, make_plan, start_bring_back

    wanted = build_request(
        BringBackRequest, {"from": "--since", "to": "--until"},
        **given(
            capture=str(find_capture(caller, capture, None).pk) if capture else None,
            experiment=str(find_experiment(caller, experiment).pk) if experiment else None,
            destination=str(find_destination(caller, destination).pk) if destination else None,
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


def find_destination(caller: Caller, name: str) -> Destination:
    """CliError."""
    from captures.storage.offsite.resource import DESTINATIONS
    from skycam_project.cli.resources import find_row

    found: Destination = find_row(DESTINATIONS, caller, name)
    return found
