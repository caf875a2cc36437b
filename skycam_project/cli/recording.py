"""`skycam record`: start and stop recordings, show them, and delete clips by the retention rules."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

import click

from skycam_project.cli import errors
from skycam_project.cli.camera_control import find_camera
from skycam_project.cli.errors import FAILED, CliError
from skycam_project.cli.jobs import run_job
from skycam_project.cli.options import Command, Group
from skycam_project.cli.output import (
    format_time,
    make_table,
    print_fields,
    print_line,
    print_result,
    print_table,
    print_warnings,
)
from skycam_project.cli.shared_options import cameras, shared_option
from skycam_project.cli.station import current

if TYPE_CHECKING:
    from cameras.models import Camera
    from captures.recordings.control.commands import RecordingBody
    from captures.storage.retention.jobs import CleanupReport
    from skycam_project.cli.identity import Caller

WHY = {
    "count": "beyond rolling_clips_count",
    "age": "too old",
    "space": "disk space",
    "asked": "marked earlier",
}


@click.command("cleanup", cls=Command)
@shared_option("--dry-run", "Only show what would be deleted.")
def cleanup(dry_run: bool) -> int:
    """Delete rolling clips of this host by the retention policy. It selects clips that exceed the number to keep, and
    clips whose space is needed.

    Pinned and held clips are kept. The station does this by itself every two seconds. This is a job: Ctrl-C ends the
    command, and the job goes on.
    """
    caller = current().authorize("manager")
    body = plan() if dry_run else clean_up(caller)
    print_result({"dry_run": dry_run, **body}, print_cleanup)
    return FAILED if body["problems"] else 0


def plan() -> CleanupReport:
    """What the job would delete."""
    from django.conf import settings

    from captures.models import Clip
    from captures.storage.retention.jobs import CleanupReport, DeletedBody
    from captures.storage.retention.manager import make_plan
    from captures.storage.retention.results import Deleted
    from core.resources.resource import body_of

    plan = make_plan(settings.STATION.host, ["clips"])
    report = CleanupReport(bytes=plan.bytes, clips=len(plan.items), problems=list(plan.problems), results=[])
    clips = Clip.objects.select_related("camera")
    for item in plan.items:
        # A clip may be deleted by the station meanwhile.
        for clip in clips.filter(pk=item.pk):
            report["results"].append(body_of(DeletedBody, Deleted(clip, item.why)))
    return report


def clean_up(caller: Caller) -> CleanupReport:
    """Run the job on this host and wait for it."""
    from django.conf import settings

    return cast("CleanupReport", run_job(caller, "clip_cleanup", settings.STATION.host, camera=None).result)


def print_cleanup(body: dict[str, Any]) -> None:
    from core.templatetags.skycam import format_bytes
    from core.text.sentences import pluralize

    rows = [
        [one["camera"], one["filename"], format_time(one["started"]), format_bytes(one["bytes"]), WHY[one["why"]]]
        for one in body["results"]
    ]
    if rows:
        print_table(make_table(["camera", "clip", "started", "size", "why"], rows))
    verb = "would be deleted" if body["dry_run"] else "deleted"
    print_line(f"{pluralize(body['clips'], 'clip')} {verb}, {format_bytes(body['bytes'])}.")
    print_warnings(body["problems"])


@click.group(cls=Group)
def record() -> None:
    """Start and stop recordings, show them, and clean up clips."""


record.add_command(cleanup)


@record.command("start")
@cameras("Cameras; the primary one by default.")
@shared_option("--all", "Every camera that provides a stream of frames.")
@shared_option(
    "--kind",
    "rolling: newer clips replace the oldest. manual: all are kept. The current kind by default, else rolling.",
    type=click.Choice(["rolling", "manual"]),
)
def start(cameras: tuple[str, ...], every: bool, kind: str | None) -> int:
    """Start recording cameras, by default the primary one. Recording resumes after restarts.

    It waits until the first frame is in a clip. A running recording does not change.
    """
    caller = current().authorize("operator")
    from cameras.models import may_record
    from captures.recordings.control import commands as recording_commands

    # Only --all leaves cameras out: a camera that was named and cannot record is an error.
    found = [camera for camera in cameras_of(caller, cameras, every) if not every or may_record(camera)]
    return for_each(found, lambda camera: recording_commands.record(camera, kind or "", caller.actor))


@record.command("stop")
@cameras("Cameras; the primary one by default.")
@shared_option("--all", "All cameras for which recording is requested.")
@click.option("--keep-experiments", "experiments", flag_value="keep", help="Experiments that record them go on.")
@click.option("--suspend-experiments", "experiments", flag_value="suspend", help="Stop them for experiments too.")
def stop(cameras: tuple[str, ...], every: bool, experiments: Any) -> int:
    """Stop recording cameras, by default the primary one. Refused under an experiment, unless you say what to do.

    It waits until the last clip is in its final place.
    """
    caller = current().authorize("operator")
    from captures.recordings.control.commands import stop_recording

    found = [camera for camera in cameras_of(caller, cameras, every) if not every or camera.recording]
    return for_each(found, lambda camera: stop_recording(camera, caller.actor, experiments=experiments or "ask"))


@record.command("status")
@cameras("Cameras; all by default.")
def status(cameras: tuple[str, ...]) -> None:
    """Show the recordings of cameras, by default of all.

    Of each: when it was started and by whom, lost frames, how fast the clip grows, and how long the free space
    lasts.
    """
    caller = current().authorize("viewer")
    from cameras.status.status import read_statuses
    from captures.recordings.control.commands import recording_body

    found = cameras_of(caller, cameras, every=not cameras)
    statuses = read_statuses(found)
    print_result(
        {"results": [dict(recording_body(camera, statuses[camera.slug])) for camera in found]}, print_recordings
    )


def cameras_of(caller: Caller, slugs: tuple[str, ...], every: bool) -> list[Camera]:
    """The named cameras, or all that the caller can see, or the primary one."""
    from cameras.selectors import cameras_for

    if every and slugs:
        raise CliError("invalid", "Name cameras or use --all, not both.")
    if every:
        return list(cameras_for(caller.user))
    return [find_camera(caller, slug) for slug in dict.fromkeys(slugs)] or [find_camera(caller, None)]


def for_each(cameras: list[Camera], action: Callable[[Camera], RecordingBody]) -> int:
    """Run `action` for each camera; a failure does not stop the others. Returns the worst exit status."""
    results: list[dict[str, Any]] = []
    problems: list[dict[str, Any]] = []
    exit_statuses = [0]
    for camera in cameras:
        try:
            results.append(dict(action(camera)))
        except Exception as error:
            problem = errors.to_cli_error(error)
            # The only camera's problem is the result of the command, in the form of all other commands.
            if problem is None or len(cameras) == 1:
                raise
            problems.append({"camera": camera.slug, **problem.body(current().command)})
            exit_statuses.append(problem.status)
    print_result({"results": results, "problems": problems}, print_recordings)
    return max(exit_statuses)


def print_recordings(body: dict[str, Any]) -> None:
    for result in body["results"]:
        print_recording(result)
    for problem in body.get("problems", []):
        print_line(f"{problem['camera']}: {problem['detail']}", err=True)
    if not body["results"] and not body.get("problems"):
        print_line("No camera.")


def print_recording(body: dict[str, Any]) -> None:
    from captures.recordings.clips.delivery import describe_rate
    from captures.recordings.control.commands import describe_recording
    from core.templatetags.skycam import duration, format_bytes

    print_line(describe_recording(body))  # type: ignore[arg-type]
    recorder = body["recorder"]
    if not recorder:
        return
    rate, floor = recorder["mb_per_min"], recorder["floor_s"]
    print_fields(
        [
            ("since", format_time(recorder["since"])),
            ("lost frames", recorder["lost_frames"]),
            ("holes", recorder["holes"]),
            ("rate", describe_rate(recorder["actual_fps"], recorder["expected_fps"]) or None),
            ("clip", recorder["clip"]),
            ("started", format_time(recorder["clip_started"])),
            ("frames", recorder["frames"] if recorder["clip"] else None),
            ("size", format_bytes(recorder["bytes"]) if recorder["clip"] else None),
            ("grows", f"{rate:g} MB/min" if rate else None),
            ("disk full in", duration(floor) if floor is not None else None),
        ]
    )
