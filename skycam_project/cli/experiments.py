"""`skycam experiments`: create and run experiments, and show what they have."""

from __future__ import annotations

import time
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from core.text.ids import short_id
from core.text.plurals import pluralize
from skycam_project.cli.errors import FAILED, CliError
from skycam_project.cli.ids import HEX, find_by_id
from skycam_project.cli.jobs import wait_and_show
from skycam_project.cli.options import DurationParam, Group, given
from skycam_project.cli.output import format_time, make_table, print_fields, print_line, print_result, print_table
from skycam_project.cli.programme_options import build_request
from skycam_project.cli.shared_options import shared_option
from skycam_project.cli.station import current

if TYPE_CHECKING:
    from captures.archives.models import Archive
    from captures.experiments.models import Experiment
    from captures.experiments.service import ExperimentService
    from skycam_project.cli.identity import Caller

STATES = ["planned", "running", "completed", "aborted", "archived"]
OPTIONS = {"cameras": "--camera", "tags": "--tag", "planned_start": "--from", "planned_end": "--until"}
"""Field -> option, where the names differ."""
POLL_S = 0.5
ROLL = DurationParam(least=0, most=3600)


@click.group(cls=Group)
def experiments() -> None:
    """Create, run and show experiments."""


@experiments.command("list")
@shared_option("--state", "Only experiments in this state.", type=click.Choice(STATES))
@click.option("--tag", help="Only experiments with this tag.")
@shared_option("--limit", "Maximum number.")
def list_experiments(state: str | None, tag: str | None, limit: int) -> None:
    """List experiments, newest first."""
    caller = current().authorize("viewer")
    from captures.experiments.bodies import experiment_body
    from captures.experiments.selectors import experiments_for, hidden_ids

    found = experiments_for(caller.user).filter(**given(state=state, tags__name=tag))
    hidden = hidden_ids(caller.user)
    results = [dict(experiment_body(one, caller.user, hidden)) for one in found[:limit]]
    print_result({"results": results}, print_experiments)


@experiments.command("show")
@click.argument("experiment")
def show_experiment(experiment: str) -> None:
    """Show an experiment, with what it has and what is missing.

    EXPERIMENT is a name or an id.
    """
    caller = current().authorize("viewer")
    from captures.experiments.bodies import account_body, experiment_body

    found = find_experiment(caller, experiment)
    body = {**experiment_body(found, caller.user), "account": account_body(found, caller.user)}
    print_result(body, print_account)


@experiments.command("create")
@click.argument("name")
@shared_option("--camera", "A camera; may be given again. By default the primary.", into="cameras", multiple=True)
@click.option("--method", help="The method, in a line.")
@click.option("--description", help="What it is about.")
@click.option("--operator", help="The user in whose name it records; by default you.")
@click.option("--tag", "tags", multiple=True, help="A tag; may be given again.")
@shared_option("--from", "It begins by itself then: 20:00, 1h (from now), ...", former="--begin")
@shared_option("--until", "It is completed by itself then.", former="--end")
@click.option("--record/--no-record", default=None, help="Whether its cameras record by themselves.")
@click.option("--pre-roll", type=ROLL, help="Time before the start that is kept, from rolling clips.")
@click.option("--post-roll", type=ROLL, help="Time that is recorded after the end.")
@click.option(
    "--still-interval", type=DurationParam(least=1, most=86_400), help="Of a camera without a stream: between stills."
)
@click.option("--start", is_flag=True, help="Start it at once.")
def create_experiment(
    name: str, cameras: tuple[str, ...], tags: tuple[str, ...], begin: datetime | None, until: datetime | None,
    pre_roll: float | None, post_roll: float | None, still_interval: float | None, start: bool, **values: Any,
) -> None:  # fmt: skip
    """Create an experiment.

    Example: skycam experiments create "Dew on mirror 3" -c sky -c dslr --tag dew --start
    """
    caller = current().authorize("operator")
    from captures.experiments.requests import ExperimentRequest

    fields = given(
        **values, cameras=list(cameras) or None, tags=list(tags) or None, planned_start=begin, planned_end=until,
        pre_roll_s=pre_roll, post_roll_s=post_roll, still_interval_s=still_interval,
    )  # fmt: skip
    service = service_of(caller)
    made = service.create(build_request(ExperimentRequest, OPTIONS, name=name, **fields))
    if start:
        made = service.start(made)
        wake(made)
    print_result(body_of(made, caller), print_experiment)


@experiments.command("start")
@click.argument("experiment")
def start_experiment(experiment: str) -> None:
    """Start an experiment: its cameras record. Starting twice changes nothing."""
    move(experiment, "running")


@experiments.command("complete")
@click.argument("experiment")
def complete_experiment(experiment: str) -> None:
    """Complete an experiment.

    Its cameras record for the post-roll, then only for others that want it.
    """
    move(experiment, "completed")


@experiments.command("abort")
@click.argument("experiment")
@shared_option("--reason", "Why, for its account.")
def abort_experiment(experiment: str, reason: str) -> None:
    """Abort an experiment, without a post-roll. What was recorded stays."""
    move(experiment, "aborted", reason)


@experiments.command("note")
@click.argument("experiment")
@click.argument("text")
def note_experiment(experiment: str, text: str) -> None:
    """Write a note on an experiment.

    It has the present time. Notes are never changed.
    """
    caller = current().authorize("operator")
    from captures.experiments.bodies import note_body
    from captures.experiments.requests import NoteRequest

    wanted = build_request(NoteRequest, {}, text=text)
    note = service_of(caller).add_note(find_experiment(caller, experiment), wanted.text)
    print_result(dict(note_body(note)), lambda body: print_line(f"Noted at {format_time(body['at'])}."))


@experiments.command("attach")
@click.argument("experiment")
@click.argument("label")
@click.argument("reference")
def attach(experiment: str, label: str, reference: str) -> None:
    """Attach a reference to something outside of the station.

    Such as an address, a DOI or a path. The station never opens it.
    """
    caller = current().authorize("operator")
    from captures.experiments.bodies import attachment_body
    from captures.experiments.requests import AttachmentRequest

    wanted = build_request(AttachmentRequest, {}, label=label, reference=reference)
    found = find_experiment(caller, experiment)
    added = service_of(caller).add_attachment(found, wanted.label, wanted.reference)
    print_result(dict(attachment_body(added)), lambda body: print_line(f"Attached {body['label']}."))


@experiments.command("release")
@click.argument("experiment")
def release(experiment: str) -> None:
    """Release the clips of an experiment that has ended.

    Retention may delete them then. They still belong to the experiment.
    """
    caller = current().authorize("manager")
    found = find_experiment(caller, experiment)
    body = {"clips": service_of(caller).release(found)}
    print_result(body, lambda one: print_line(f"Released {pluralize(one['clips'], 'clip')} of {found.name}."))


def move(text: str, state: str, message: str = "") -> None:
    caller = current().authorize("operator")
    from captures.experiments.models import ExperimentState

    moved = service_of(caller).move(find_experiment(caller, text), ExperimentState(state), message=message)
    wake(moved)
    print_result(body_of(moved, caller), print_experiment)


def wake(experiment: Experiment) -> None:
    from captures.experiment_control.hosts import wake_hosts

    wake_hosts(experiment)


def service_of(caller: Caller) -> ExperimentService:
    from captures.experiments.service import ExperimentService

    return ExperimentService(caller.user, caller.actor)


def body_of(experiment: Experiment, caller: Caller) -> dict[str, Any]:
    from captures.experiments.bodies import experiment_body

    return dict(experiment_body(experiment, caller.user))


def find_experiment(caller: Caller, text: str) -> Experiment:
    """By its name, or by the beginning of its id. CliError."""
    from captures.experiments.selectors import experiments_for

    rows = experiments_for(caller.user)
    named = list(rows.filter(name=text)[:2])
    if len(named) == 1:
        return named[0]
    if named:
        ids = ", ".join(short_id(str(one.pk)) for one in rows.filter(name=text)[:5])
        raise CliError("invalid", f"More than one experiment is named {text!r}. Give an id: {ids}.")
    if HEX.fullmatch(text.replace("-", "")):
        return find_by_id(rows, text, "experiment")
    raise CliError("not-found", f"There is no experiment {text!r}. `skycam experiments list` lists all.")


def print_experiments(body: dict[str, Any]) -> None:
    if not body["results"]:
        print_line("No experiment. `skycam experiments create NAME` creates one.")
        return
    rows = [
        (short_id(one["id"]), one["name"], one["state"], ", ".join(place["camera"] for place in one["cameras"]),
         format_time(one["started"] or one["planned_start"]), format_time(one["ended"] or one["planned_end"]))
        for one in body["results"]
    ]  # fmt: skip
    print_table(make_table(["id", "name", "state", "cameras", "from", "to"], rows))


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
    from captures.clips.delivery import describe_holes, describe_rate
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


@experiments.command("archive")
@click.argument("experiment")
@click.option("--method", type=click.Choice(["copy", "link"]), help="archive_config.method by default.")
@click.option("--no-wait", is_flag=True, help="Return at once; the jobs go on.")
def archive(experiment: str, method: str | None, no_wait: bool) -> int:
    """Archive an experiment, and wait until it is done.

    Files that it has got since it was archived last are added. Fails if something is missing.
    """
    caller = current().authorize("operator")
    from captures.archives.services import request_archive

    found = find_experiment(caller, experiment)
    made = request_archive(found, method or "", caller.actor, user=caller.user)
    if not no_wait:
        wait_for_archive(made)
    print_result(archive_body_of(made, caller), print_archive)
    return FAILED if made.state == "incomplete" and not no_wait else 0


@experiments.command("verify")
@click.argument("experiment")
def verify(experiment: str) -> int:
    """Read the archive of an experiment again, on all hosts.

    What is missing or changed is mended from a whole copy where there is one.
    """
    caller = current().authorize("operator")
    from captures.archives.hosts import away_hosts
    from captures.archives.verification import request_verification
    from captures.experiments.selectors import check_sees_all

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

    from captures.archives.services import advance
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
    from captures.archives.selectors import archives_for

    found = archives_for(caller.user).filter(experiment=experiment).first()
    if found is None:
        raise CliError("not-found", f"{experiment.name!r} has no archive. `skycam experiments archive` makes one.")
    return found


def archive_body_of(archive: Archive, caller: Caller) -> dict[str, Any]:
    from captures.archives.bodies import archive_body
    from captures.archives.selectors import archives_for

    return dict(archive_body(archives_for(caller.user).get(pk=archive.pk), caller.user))


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
