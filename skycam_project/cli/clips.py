"""`skycam clips`: list clips and copy their files."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from core.text.amounts import short_id
from skycam_project.cli.camera_control import camera_filter
from skycam_project.cli.ids import find_by_id, find_newest
from skycam_project.cli.local_files import STDOUT, check_destination, copy_file, force_option, to_option
from skycam_project.cli.options import Group, PastTimeParam, given
from skycam_project.cli.output import format_listed_time, make_table, print_line, print_result, print_table
from skycam_project.cli.shared_options import camera, shared_option
from skycam_project.cli.station import current

if TYPE_CHECKING:
    from captures.models import Clip
    from skycam_project.cli.identity import Caller


@click.group(cls=Group)
def clips() -> None:
    """List recorded clips and get their files."""


@clips.command("list")
@camera("Only this camera.")
@shared_option("--kind", "Only clips of this kind.", type=click.Choice(["rolling", "manual"]))
@shared_option("--since", "Only clips that end after this time: 22:30, or 2 h (ago).", former="--from")
@shared_option(
    "--until", "Only clips that begin before this time, written in the same way.", former="--to", type=PastTimeParam()
)
@click.option("--pinned/--unpinned", "pinned", default=None, help="Only pinned clips, or only unpinned ones.")
@click.option(
    "--interrupted/--whole", "interrupted", default=None, help="Only clips that were cut off, or only complete ones."
)
@click.option(
    "--simulated/--real", "simulated", default=None, help="Only clips of simulated cameras, or only of real ones."
)
@shared_option("--limit", "Maximum number of clips.")
def list_clips(
    camera: str | None, since: datetime | None, until: datetime | None, limit: int, **conditions: Any
) -> None:  # fmt: skip
    """List clips, newest first. The clip that is being recorded appears when it ends.

    Example: skycam clips list dome --since 22:00
    """
    caller = current().authorize("viewer")
    from captures.recordings.clips.answers import ClipBody
    from captures.recordings.clips.selectors import clips_for, overlapping
    from core.resources.answers import body_of

    found = clips_for(caller.user).filter(**camera_filter(caller, camera), **given(**conditions))
    results = overlapping(found, since, until).order_by("-started_at", "-id")[:limit]
    print_result({"results": [body_of(ClipBody, clip) for clip in results]}, print_clips)


@clips.command("get")
@click.argument("clip_id", metavar="[ID]", required=False)
@shared_option("--camera", "The newest clip of this camera.")
@to_option
@force_option
def get(clip_id: str | None, camera: str | None, to: str | None, force: bool) -> None:
    """Copy the file of the clip ID, by default of the newest one. The copy is verified. The first characters of an id
    are enough.

    Example: skycam clips get --camera dome -o last.mp4
    """
    caller = current().authorize("viewer")
    check_destination(to, force=force)
    clip = find_clip(caller, clip_id, camera)
    path = copy_file(clip, to, force=force)
    # stdout has the file's bytes and nothing else.
    if to != STDOUT:
        body = {"path": str(path), "clip": str(clip.pk), "bytes": clip.bytes, "sha256": clip.sha256}
        print_result(body, lambda body: print_line(f"Saved {body['path']}"))


def find_clip(caller: Caller, text: str | None, camera: str | None) -> Clip:
    """The clip whose id begins with `text`, else the newest; CliError when the caller can see none."""
    from captures.recordings.clips.selectors import clips_for

    visible = clips_for(caller.user).filter(**camera_filter(caller, camera)).order_by("-started_at", "-id")
    return find_by_id(visible, text, "clip") if text else find_newest(visible, "clip", camera)


def print_clips(body: dict[str, Any]) -> None:
    columns = ["id", "started", "camera", "length", "size", "lost", "remarks"]
    print_table(make_table(columns, [clip_cells(clip) for clip in body["results"]]))


def clip_cells(clip: dict[str, Any]) -> list[object]:
    from captures.recordings.clips.delivery import describe_holes, describe_rate, is_below
    from core.templatetags.skycam import duration, format_bytes

    marks = {
        "manual": clip["kind"] == "manual",
        "pinned": clip["pinned"],
        "held": bool(clip["holds"]),
        "cut off": clip["interrupted"],
        describe_rate(clip["actual_fps"], clip["expected_fps"]): is_below(clip["actual_fps"], clip["expected_fps"]),
        describe_holes(clip["hole_count"], clip["hole_s"]): any(hole["reason"] != "still" for hole in clip["holes"]),
    }
    remarks = [word for word, applies in marks.items() if applies]
    length, size = duration(clip["duration_s"]), format_bytes(clip["bytes"])
    started = format_listed_time(clip["started"])
    lost = "unknown" if clip["lost_frames"] is None else clip["lost_frames"]
    return [short_id(clip["id"]), started, clip["camera"], length, size, lost, ", ".join(remarks)]
