"""`skycam storage`: usage, rules, plans of cleanups and their execution, and the check of files; `skycam verify`:
compare files with their rows."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import click

from core.text.sentences import short_id
from skycam_project.cli.camera_control import find_camera
from skycam_project.cli.errors import FAILED, CliError
from skycam_project.cli.ids import find_by_id
from skycam_project.cli.jobs import body_of, run_job, wait_and_show
from skycam_project.cli.local_files import check_destination, write_lines
from skycam_project.cli.options import Command, Group
from skycam_project.cli.output import make_table, print_line, print_result, print_table, print_warnings
from skycam_project.cli.shared_options import camera, shared_option
from skycam_project.cli.station import current

if TYPE_CHECKING:
    from datetime import datetime

    from django.db.models import QuerySet

    from captures.models import IntegrityFinding

MAX_LISTED = 1000


@click.group(cls=Group)
def storage() -> None:
    """Show what is stored, and clean up by plan."""


@storage.command("usage")
def usage() -> None:
    """Show free space, forecast and usage.

    Of the storage roots of all hosts, by class and camera, as last measured.

    Example: skycam storage usage
    """
    caller = current().authorize("viewer")
    from django.conf import settings

    from captures.storage.retention.manager import StorageManager

    roots = StorageManager(settings.STATION.host).usage(caller.user)
    print_result({"results": [root.model_dump(by_alias=True) for root in roots]}, print_usage)


@storage.command("rules")
def rules() -> None:
    """Show which rules delete files, with their limits.

    Example: skycam storage rules
    """
    current().authorize("viewer")
    from captures.storage.file_classes import FileClass
    from captures.storage.retention.plan import ALLOWED_RULES
    from core.station_settings import camera_config, retention_config

    recording, retention = camera_config(), retention_config()
    limits: dict[tuple[str, str], tuple[str, float]] = {
        ("rolling_clip", "count"): ("camera_config.rolling_clips_count", recording.rolling_clips_count),
        ("rolling_clip", "age"): ("retention.rolling_clip_days", retention.rolling_clip_days),
        ("rolling_clip", "space"): ("camera_config.soft_floor_gb", recording.soft_floor_gb),
        ("manual_clip", "age"): ("retention.manual_clip_days", retention.manual_clip_days),
        ("capture", "age"): ("retention.capture_days", retention.capture_days),
        ("capture", "trash"): ("retention.trash_days", retention.trash_days),
    }
    found = [
        {"class": name, "rule": rule, "key": key, "limit": limit}
        for (name, rule), (key, limit) in limits.items()
        if rule in ALLOWED_RULES[FileClass(name)]
    ]
    print_result({"results": found}, print_rules)


@storage.command("plan")
def plan() -> int:
    """Plan a cleanup, and delete nothing.

    The plan lists exactly which files the rules delete on this host now, and why. `skycam
    storage clean-up PLAN` executes it within 10 minutes.

    Example: skycam storage plan
    """
    caller = current().authorize("manager")
    from django.conf import settings

    from captures.storage.retention.manager import StorageManager
    from captures.storage.retention.plan import plan_body

    body = plan_body(StorageManager(settings.STATION.host, caller.actor).plan())
    print_result(body, print_plan)
    return FAILED if body["problems"] else 0


@storage.command("clean-up")
@click.argument("plan_id", metavar="PLAN")
def clean_up(plan_id: str) -> int:
    """Execute a plan.

    Each file is checked again, and nothing that is not in the plan is deleted.

    This is a job: Ctrl-C ends the command, and the job goes on.

    Example: skycam storage clean-up 0199a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b
    """
    caller = current().authorize("manager")
    from captures.storage.retention.jobs import enqueue_plan

    try:
        wanted = UUID(plan_id)
    except ValueError:
        raise CliError("invalid", f"{plan_id!r} is not the id of a plan. `skycam storage plan` makes one.") from None
    job = wait_and_show(enqueue_plan(wanted, caller.actor), run_here=True)
    print_result(body_of(job, caller), print_cleanup)
    return 0 if job.state == "done" and job.result and not job.result["problems"] else FAILED


@storage.command("confirm-clock")
@click.argument("date", type=click.DateTime(["%Y-%m-%d"]))
def confirm_clock(date: datetime) -> None:
    """Confirm that the clock of this host is right.

    DATE is today's date in UTC. Until then no file is deleted for its age there, if the clock is too far ahead of the
    time that was last known.

    Example: skycam storage confirm-clock 2027-05-14
    """
    caller = current().authorize("manager")
    from django.conf import settings

    from captures.storage.retention.clock_guard import ClockGuard, ClockNotConfirmed

    host, day = settings.STATION.host, date.date()
    try:
        ClockGuard(host).confirm(day, caller.actor)
    except ClockNotConfirmed as error:
        raise CliError("invalid", str(error)) from None
    print_result({"host": host, "date": str(day)}, print_confirmed_clock)


def print_confirmed_clock(body: dict[str, Any]) -> None:
    print_line(f"The clock of {body['host']} is confirmed. The rules of age apply again within a minute.")


@storage.command("check")
@click.option("--hash", "hashed", is_flag=True, help="Also read the content of all files.")
@click.option("--csv", "csv_file", type=click.Path(dir_okay=False), help="Write the findings to this file.")
@shared_option("--force", "Overwrite an existing file.")
def check(hashed: bool, csv_file: str | None, force: bool) -> int:
    """Find missing, untracked and mismatching files.

    It compares the rows of this host with its files. This is a job: Ctrl-C ends the command, and the job goes on.

    Example: skycam storage check --csv findings.csv
    """
    caller = current().authorize("manager")
    from django.conf import settings

    from captures.storage.integrity.check import csv_lines, finding_body

    # Before the job, which can take hours.
    check_destination(csv_file, force=force)
    host = settings.STATION.host
    job = run_job(caller, "integrity", host, camera=None, arguments={"hash": hashed})
    if csv_file:
        write_lines(Path(csv_file), csv_lines(open_findings(host)))
    listed = [finding_body(one) for one in open_findings(host)[:MAX_LISTED]]
    older = open_findings(host).exclude(check_job=str(job.pk)).count()
    body = {**(job.result or {}), "older": older, "results": listed}
    if hashed and not job.arguments.get("hash"):
        unread = "The contents were not read: a check without --hash was under way. Run the command again."
        body["problems"] = [*body["problems"], unread]
    print_result(body, print_findings)
    return FAILED if listed or body["problems"] else 0


@storage.command("adopt")
@click.argument("finding_id", metavar="ID")
@shared_option("--camera", "Its camera, by default that of its folder.", into="slug")
def adopt_file(finding_id: str, slug: str | None) -> None:
    """Make a row of an untracked file.

    A picture becomes a capture, a video a manual clip. The file stays where it is.

    Example: skycam storage adopt 0199a1b2 --camera dslr
    """
    caller = current().authorize("manager")
    from captures.storage.integrity.check import finding_body
    from captures.storage.integrity.decisions import adopt

    camera = find_camera(caller, slug) if slug else None
    found = adopt(find_finding(finding_id), camera, caller.actor)
    print_result(finding_body(found), lambda body: print_line(f"Adopted: {body['path']}"))


@storage.command("set-aside")
@click.argument("finding_ids", metavar="ID...", nargs=-1, required=True)
def set_files_aside(finding_ids: tuple[str, ...]) -> None:
    """Move untracked files to the folder set-aside.

    It is in the storage root of each file. Nothing is deleted.

    Example: skycam storage set-aside 0199a1b2 0199a1b3
    """
    caller = current().authorize("manager")
    from captures.storage.integrity.check import finding_body
    from captures.storage.integrity.decisions import set_aside

    # All of them are found before the first is moved.
    findings = [find_finding(one) for one in finding_ids]
    moved = [finding_body(set_aside(one, caller.actor)) for one in findings]
    print_result({"results": moved}, print_set_aside)


def open_findings(host: str) -> QuerySet[IntegrityFinding]:
    from captures.models import IntegrityFinding

    return IntegrityFinding.objects.filter(host=host, state="open").select_related("root", "camera")


def find_finding(text: str) -> IntegrityFinding:
    from captures.models import IntegrityFinding

    return find_by_id(IntegrityFinding.objects.select_related("root", "camera"), text, "finding")


def print_findings(body: dict[str, Any]) -> None:
    from core.text.sentences import pluralize, was_or_were

    rows = [[short_id(one["id"]), one["kind"], one["camera"] or "", one["path"]] for one in body["results"]]
    if rows:
        print_table(make_table(["id", "kind", "camera", "path"], rows))
    counts = ", ".join(f"{body[kind]} {kind}" for kind in ("missing", "untracked", "mismatching"))
    print_line(f"{pluralize(body['rows'], 'row')} and {pluralize(body['files'], 'file')} checked: {counts}.")
    if older := body["older"]:
        print_line(
            f"{pluralize(older, 'open finding')} of earlier checks {was_or_were(older)} not checked again: contents "
            "are read with --hash, and roots that are not mounted are left out."
        )
    print_warnings(body["problems"])


def print_set_aside(body: dict[str, Any]) -> None:
    for one in body["results"]:
        print_line(f"Set aside: {one['target']}")


def print_usage(body: dict[str, Any]) -> None:
    from core.templatetags.skycam import format_bytes

    for root in body["results"]:
        free = "not measured yet"
        if root["measured"]:
            free = f"{format_bytes(root['free_bytes'])} of {format_bytes(root['total_bytes'])} free"
        print_line(f"{root['host']}:{root['path']}: {free}. {root['forecast']['sentence']}")
        rows = [
            [one["class"], camera_of(one), one["files"], format_bytes(one["bytes"]), one["day"]]
            for one in root["usage"]
        ]
        if rows:
            print_table(make_table(["class", "camera", "files", "size", "measured"], rows))


def camera_of(usage: dict[str, Any]) -> str:
    return "other cameras" if usage["other_cameras"] else usage["camera"] or ""


def print_rules(body: dict[str, Any]) -> None:
    rows = [[one["class"], one["rule"], one["key"], f"{one['limit']:g}"] for one in body["results"]]
    print_table(make_table(["class", "rule", "key", "limit"], rows))


def print_plan(body: dict[str, Any]) -> None:
    from core.templatetags.skycam import format_bytes
    from core.text.sentences import pluralize

    columns = ("class", "camera", "why", "files")
    rows = [[*(one[name] for name in columns), format_bytes(one["bytes"])] for one in body["rules"]]
    if rows:
        print_table(make_table([*columns, "size"], rows))
    kept = [[one["path"], one["why"], one["reason"]] for one in body["skipped"]]
    if kept:
        print_table(make_table(["kept", "selected by", "why it stays"], kept))
    trashed = [one for one in body["rules"] if (one["class"], one["why"]) == ("capture", "age")]
    files, size = sum(one["files"] for one in trashed), sum(one["bytes"] for one in trashed)
    print_line(f"{pluralize(body['files'] - files, 'file')} would be deleted, {format_bytes(body['bytes'] - size)}.")
    if files:
        print_line(f"{pluralize(files, 'file')} of captures would be moved to the trash, {format_bytes(size)}.")
    print_line(f"Plan {body['id']}, valid until {body['expires']}.")
    print_warnings(body["problems"])


def print_cleanup(body: dict[str, Any]) -> None:
    from core.templatetags.skycam import format_bytes
    from core.text.sentences import pluralize

    result = body["result"]
    if result is None:
        print_line(f"The job is {body['state']}. {body['error']}")
        return
    planned = pluralize(result["planned"], "planned file")
    print_line(f"{result['deleted']} of {planned} deleted, {format_bytes(result['bytes'])}.")
    if result["trashed"]:
        print_line(f"{pluralize(result['trashed'], 'file')} of captures moved to the trash.")
    print_warnings(result["problems"])


@click.command(cls=Command)
@camera("Only files of this camera.")
@shared_option("--since", "Only files from this time: 22:30, 2026-03-01T22:30:00Z, or 2 d (ago).")
@shared_option("--host", "Verify the files of this host; of this one by default.")
def verify(camera: str | None, since: datetime | None, host: str | None) -> int:
    """Compare files of captures and clips with the database.

    It reads each file and compares size and SHA-256. A missing or damaged file raises an alert. This is a job on the
    host that holds the files: Ctrl-C ends the command, and the job goes on.

    Example: skycam verify dslr --since 2d
    """
    caller = current().authorize("manager")
    from django.conf import settings

    from captures.models import StorageRoot
    from core.station_zone import site_time_text

    found = find_camera(caller, camera) if camera is not None else None
    host = host or settings.STATION.host
    if not StorageRoot.objects.filter(host=host).exists():
        raise CliError("invalid", f"The host {host} has no files.")
    since_text = since.isoformat(timespec="seconds") if since else None
    newer = f" since {site_time_text(since)}" if since else ""
    job = run_job(
        caller,
        "verify",
        host,
        subject=f"{found.slug if found else 'all files'}{newer}",
        arguments={"camera": str(found.pk) if found else None, "since": since_text},
        camera=found,
    )
    body = dict(job.result or {})
    print_result({"job": str(job.pk), "host": job.host, **body}, print_verification)
    return FAILED if body["missing"] or body["damaged"] or body["problems"] else 0


def print_verification(body: dict[str, Any]) -> None:
    from core.templatetags.skycam import format_bytes
    from core.text.sentences import pluralize

    if body["results"]:
        rows = [[one["camera"], one["path"], one["what"]] for one in body["results"]]
        print_table(make_table(["camera", "file", "what"], rows))
    summary = f"{pluralize(body['files'], 'file')} read, {format_bytes(body['bytes'])}"
    print_line(f"{summary}: {body['missing']} missing, {body['damaged']} damaged.")
    print_warnings(body["problems"])
