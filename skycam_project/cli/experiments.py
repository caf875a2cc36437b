"""`skycam experiments`: create and run experiments, and show what they have."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import click

from skycam_project.cli.errors import FAILED, CliError
from skycam_project.cli.jobs import wait_and_show
from skycam_project.cli.options import Command
from skycam_project.cli.output import format_time, print_fields, print_line, print_result
from skycam_project.cli.resource_group import ResourceGroup
from skycam_project.cli.station import current

if TYPE_CHECKING:
    from captures.experiments.models import Experiment
    from captures.storage.archives.models import Archive
    from skycam_project.cli.identity import Caller

POLL_S = 0.5


class ExperimentGroup(ResourceGroup):
    def derive(self) -> dict[str, click.Command]:
        found = super().derive()
        return {**found, "create": with_start(found["create"])}


def with_start(create: click.Command) -> click.Command:
    """The command, which with --start also starts the experiment."""
    create.params.append(click.Option(["--start"], is_flag=True, help="Start it at once."))

    def callback(start: bool, **values: Any) -> None:
        caller = current().authorize("operator")
        from captures.experiments.resource import EXPERIMENTS
        from skycam_project.cli.resources import print_done, requested

        done = EXPERIMENTS.operation("add")
        wanted = requested(EXPERIMENTS, done, caller, values, "")
        made = EXPERIMENTS.run(done, caller.user, caller.actor, wanted)
        if start:
            done = EXPERIMENTS.operation("start")
            made = EXPERIMENTS.run(done, caller.user, caller.actor, made)
        print_done(EXPERIMENTS, done, EXPERIMENTS.body(made, caller.user))

    create.callback = callback
    return create


experiments = ExperimentGroup(
    "experiments", "Create, run and show experiments.", "captures.experiments.resource.EXPERIMENTS"
)


@experiments.command("show", cls=Command)
@click.argument("experiment")
def show_experiment(experiment: str) -> None:
    """Show an experiment, with what it has and what is missing.

    EXPERIMENT is a name or an id.
    """
    caller = current().authorize("viewer")
    from captures.experiments.resource import EXPERIMENTS
    from captures.experiments.selectors import account_body

    found = find_experiment(caller, experiment)
    body = {**EXPERIMENTS.body(found, caller.user), "account": account_body(found, caller.user)}
    print_result(body, print_account)


def find_experiment(caller: Caller, text: str) -> Experiment:
    """By its name, or by the beginning of its id. CliError."""
    from captures.experiments.resource import EXPERIMENTS
    from skycam_project.cli.resources import find_row

    found: Experiment = find_row(EXPERIMENTS, caller, text)
    return found


def print_experiment(body: dict[str, Any]) -> None:
    print_line(f"{body['name']}: {body['state']}. {body['message']}".strip())
    print_fields(
        [
            ("id", body["id"]),
            ("operator", body["operator"]),
            ("method", body["method"] or None),
            ("tags", ", ".join(body["tags"]) or None),
            ("planned", describe_plan(body) or None),
            ("started", format_time(body["started"]) if body["started"] else None),
            ("ended", format_time(body["ended"]) if body["ended"] else None),
        ]
    )
    for place in body["cameras"]:
        print_line(f"  {place['camera']}: {place['means'] or 'not started'}. {place['message']}".rstrip())


def describe_plan(body: dict[str, Any]) -> str:
    begin, end = (format_time(body[name]) if body[name] else "" for name in ("planned_start", "planned_end"))
    return f"{begin or 'by hand'} to {end or 'by hand'}" if begin or end else ""


def describe_video(account: dict[str, Any]) -> str | None:
    """`7 min 53 s of 8 min 1 s, 38 s not known yet`; None for a camera without video."""
    from core.templatetags.skycam import exact_duration as duration

    if account["means"] != "clips" and not account["clips"]:
        return None
    covered = f"{duration(account['covered_s'])} of {duration(account['length_s'] - account['pending_s'])}"
    # As long as the newest clip has not ended, no one has read it.
    return f"{covered}, {duration(account['pending_s'])} not known yet" if account["pending_s"] >= 1 else covered


def print_account(body: dict[str, Any]) -> None:
    from captures.recordings.clips.delivery import describe_holes, describe_rate
    from core.templatetags.skycam import format_bytes

    print_experiment(body)
    for one in body["account"]["cameras"]:
        lost = "unknown" if one["lost_frames"] is None else one["lost_frames"]
        counts = one["captures"]
        print_line(f"{one['camera']}:")
        print_fields(
            [
                ("video", describe_video(one)),
                ("clips", f"{one['clips']}, {format_bytes(one['bytes'])}" if one["clips"] else None),
                ("lost frames", lost if one["clips"] else None),
                ("rate", describe_rate(one["actual_fps"], one["expected_fps"]) or None),
                ("holes", describe_holes(one["hole_count"], one["hole_s"]) if one["clips"] else None),
                ("captures", ", ".join(f"{count} {name}" for name, count in counts.items() if count) or None),
            ]
        )
        kind = "video" if one["means"] == "clips" or one["clips"] else "stills"
        for gap in one["gaps"]:
            print_line(f"  no {kind} from {format_time(gap['from'])} to {format_time(gap['to'])}: {gap['message']}")
    for note in body["account"]["notes"]:
        print_line(f"{format_time(note['at'])} {note['author']}: {note['text']}")
    for one in body["account"]["attachments"]:
        print_line(f"{one['label']}: {one['reference']}")


@experiments.command("archive", cls=Command)
@click.argument("experiment")
@click.option("--method", type=click.Choice(["copy", "link"]), help="archive_config.method by default.")
@click.option("--no-wait", is_flag=True, help="Return at once; the jobs go on.")
def archive(experiment: str, method: str | None, no_wait: bool) -> int:
    """Archive an experiment, and wait until it is done.

    Files that it has got since it was archived last are added. Fails if something is missing.
    """
    caller = current().authorize("operator")
    from captures.storage.archives.services import request_archive

    found = find_experiment(caller, experiment)
    made = request_archive(found, method or "", caller.actor, user=caller.user)
    if not no_wait:
        wait_for_archive(made)
    print_result(archive_body_of(made, caller), print_archive)
    return FAILED if made.state == "incomplete" and not no_wait else 0


@experiments.command("verify", cls=Command)
@click.argument("experiment")
def verify(experiment: str) -> int:
    """Read the archive of an experiment again, on all hosts.

    What is missing or changed is mended from a whole copy where there is one.
    """
    caller = current().authorize("operator")
    from captures.experiments.selectors import check_sees_all
    from captures.storage.archives.reports import away_hosts
    from captures.storage.archives.verification import request_verification

    of = find_experiment(caller, experiment)
    # Before what the archive says.
    check_sees_all(caller.user, of)
    found = find_archive(caller, of)
    requested = request_verification(found, caller.actor, user=caller.user)
    # Their jobs wait until they are back.
    away = away_hosts(job.host for job in requested)
    jobs = [wait_and_show(job, run_here=True) for job in requested if job.host not in away]
    # What the row says then is the outcome of an earlier verification.
    if failed := next((job for job in jobs if job.state != "done"), None):
        raise CliError("failed", f"On {failed.host}: {failed.error or f'the verification was {failed.state}.'}")
    if away:
        names = ", ".join(sorted(away))
        raise CliError("failed", f"Away: {names}. The files there are verified once `skycam up` runs there.")
    found.refresh_from_db()
    print_result(archive_body_of(found, caller), print_archive)
    return FAILED if found.verification == "faulty" else 0


def wait_for_archive(archive: Archive) -> None:
    from django.conf import settings

    from captures.storage.archives.services import advance
    from core.jobs.models import Job

    while archive.state in {"waiting", "copying"}:
        # That of a host which is away waits longer than the archive does.
        jobs = Job.objects.filter(kind="archive", subject=str(archive.pk), host=settings.STATION.host)
        unfinished = jobs.filter(state__in=["waiting", "running"])
        if job := unfinished.order_by("created_at").first():
            wait_and_show(job, run_here=True)
        else:
            time.sleep(POLL_S)
        archive.refresh_from_db()
        # On a station that is stopped no other process does it.
        advance(archive)


def find_archive(caller: Caller, experiment: Experiment) -> Archive:
    from captures.storage.archives.selectors import archives_for

    found = archives_for(caller.user).filter(experiment=experiment).first()
    if found is None:
        raise CliError("not-found", f"{experiment.name!r} has no archive. `skycam experiments archive` makes one.")
    return found


def archive_body_of(archive: Archive, caller: Caller) -> dict[str, Any]:
    from captures.storage.archives.bodies import archive_body
    from captures.storage.archives.selectors import archives_for

    return archive_body(archives_for(caller.user).get(pk=archive.pk), caller.user)


def print_archive(body: dict[str, Any]) -> None:
    from core.templatetags.skycam import format_bytes

    print_line(f"{body['name']}: {body['state']}. {body['message']}".strip())
    counts = ", ".join(f"{count} {state}" for state, count in sorted(body["files"].items()))
    print_fields(
        [
            ("files", f"{counts or 'none'}, {format_bytes(body['bytes'])}"),
            ("verified", f"{format_time(body['verified'])}: {body['verification']}" if body["verified"] else None),
        ]
    )
    for folder in body["folders"]:
        found = ", ".join(f"{count} {what}" for what, count in folder["found"].items())
        print_line(f"  {folder['host']}: {folder['path'] or body['folder']}{f': {found}' if found else ''}")
        for one in folder["findings"]:
            print_line(f"    {one['what']}: {one['path']}. {one['message']}")
    for sentence in body["missing"]:
        print_line(f"  missing: {sentence}")
    for sentence in body["remote"]:
        print_line(f"  {sentence}")
