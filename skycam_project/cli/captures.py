"""`skycam captures`: captures, their outcomes and their files; `skycam clips`: list clips and copy their files."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from core.text.sentences import pluralize, short_id
from skycam_project.cli.camera_control import camera_filter
from skycam_project.cli.errors import CliError
from skycam_project.cli.ids import find_by_id, find_newest
from skycam_project.cli.local_files import STDOUT, check_destination, copy_file, force_option, to_option
from skycam_project.cli.options import Group, PastTimeParam, given
from skycam_project.cli.output import (
    format_listed_time,
    format_requested_and_used,
    format_time,
    humanize,
    make_table,
    print_fields,
    print_line,
    print_result,
    print_table,
    print_warnings,
)
from skycam_project.cli.shared_options import camera, shared_option
from skycam_project.cli.station import current

if TYPE_CHECKING:
    from captures.models import Capture, CaptureFile, Clip
    from skycam_project.cli.identity import Caller

OUTCOMES = click.Choice(["planned", "saved", "failed", "skipped"])
of_camera_option = shared_option("--camera", "Use the newest capture of this camera.")


@click.group(cls=Group)
def captures() -> None:
    """List captures, show and get them; the trash."""


@captures.command("list")
@camera("Only this camera.")
@click.option("--session", "session_id", metavar="ID", help="Only this session.")
@click.option("--status", type=OUTCOMES, help="Only captures with this outcome.")
@shared_option("--since", "From this time: 22:30, 2026-03-01T22:30:00Z, or 2 h (ago).", former="--from")
@shared_option("--until", "Before this time, written in the same way.", former="--to", type=PastTimeParam())
@click.option(
    "--simulated/--real", "simulated", default=None, help="Only captures of simulated cameras, or only of real ones."
)
@shared_option("--limit", "Maximum number.")
def list_captures(
    camera: str | None, session_id: str | None, status: str | None, since: datetime | None, until: datetime | None,
    simulated: bool | None, limit: int,
) -> None:  # fmt: skip
    """List captures, newest first.

    Example: skycam captures list dslr --status failed --since 8h
    """
    caller = current().authorize("viewer")
    from captures.capturing.answers import CaptureBody
    from captures.capturing.selectors import captures_for
    from captures.sessions.selectors import sessions_for
    from core.resources.resource import body_of

    session = find_by_id(sessions_for(caller.user), session_id, "session") if session_id else None
    conditions = given(session=session, status=status, started_at__gte=since, started_at__lt=until, simulated=simulated)
    found = captures_for(caller.user).filter(**camera_filter(caller, camera), **conditions)[:limit]
    print_result({"results": [body_of(CaptureBody, capture) for capture in found]}, print_captures)


@captures.command("show")
@click.argument("capture_id", metavar="[ID]", required=False)
@of_camera_option
def show_capture(capture_id: str | None, camera: str | None) -> None:
    """Show the capture ID, by default the newest one. The first characters of an id are enough.

    Example: skycam captures show --camera dslr
    """
    caller = current().authorize("viewer")
    from captures.capturing.answers import CaptureBody
    from core.resources.resource import body_of

    print_result(body_of(CaptureBody, find_capture(caller, capture_id, camera)), print_capture)


@captures.command("get")
@click.argument("capture_id", metavar="[ID]", required=False)
@of_camera_option
@shared_option("--kind", "Kind of file, such as raw or jpeg; the first file by default.")
@to_option
@force_option
def get_capture(capture_id: str | None, camera: str | None, kind: str | None, to: str | None, force: bool) -> None:
    """Copy a file of the capture ID, by default of the newest one. The copy is verified.

    Example: skycam captures get --camera dslr --kind raw -o night.nef
    """
    caller = current().authorize("viewer")
    check_destination(to, force=force)
    file = find_file(find_capture(caller, capture_id, camera, status="saved"), kind)
    path = copy_file(file, to, force=force)
    # stdout has the file's bytes and nothing else.
    if to != STDOUT:
        body = {"path": str(path), "capture": str(file.capture_id), "kind": file.kind, "bytes": file.bytes}
        print_result({**body, "sha256": file.sha256}, lambda body: print_line(f"Saved {body['path']}"))


@captures.command("trash")
@camera("Only this camera.")
@shared_option("--limit", "Maximum number.", default=100)
def list_trash(camera: str | None, limit: int) -> None:
    """List the captures in the trash, last trashed first.

    Example: skycam captures trash --camera dslr
    """
    caller = current().authorize("manager")
    from captures.capturing.answers import CaptureBody
    from captures.capturing.selectors import trash_for
    from core.resources.resource import body_of

    found = trash_for(caller.user).filter(**camera_filter(caller, camera))[:limit]
    print_result({"results": [body_of(CaptureBody, capture) for capture in found]}, print_trash)


@captures.command("delete")
@click.argument("capture_id", metavar="ID")
def delete_capture(capture_id: str) -> None:
    """Move the capture ID to the trash.

    It can be restored for retention.trash_days; then its files are deleted. Refused for a pinned capture and for one of
    an experiment that is not archived.

    Example: skycam captures delete 0199a1b2
    """
    caller = current().authorize("manager")
    from captures.capturing.answers import CaptureBody
    from captures.storage.trash.services import trash_capture
    from core.resources.resource import body_of

    found = find_capture(caller, capture_id, None)
    trash_capture(found, caller.actor)
    found.refresh_from_db()
    print_result(body_of(CaptureBody, found), lambda body: print_line(f"In the trash: {body['id']}"))


@captures.command("restore")
@click.argument("capture_id", metavar="ID")
def restore(capture_id: str) -> None:
    """Take the capture ID out of the trash.

    Example: skycam captures restore 0199a1b2
    """
    caller = current().authorize("manager")
    from captures.capturing.answers import CaptureBody
    from captures.capturing.selectors import trash_for
    from captures.storage.trash.services import restore_capture
    from core.resources.resource import body_of

    found = find_by_id(trash_for(caller.user), capture_id, "capture in the trash")
    restore_capture(found, caller.actor)
    found.refresh_from_db()
    print_result(body_of(CaptureBody, found), lambda body: print_line(f"Restored: {body['id']}"))


def find_capture(caller: Caller, text: str | None, camera: str | None, **newest_of: str) -> Capture:
    """The capture whose id begins with `text`, else the newest; CliError when the caller can see none."""
    from captures.capturing.selectors import captures_for

    visible = captures_for(caller.user).filter(**camera_filter(caller, camera))
    return find_by_id(visible, text, "capture") if text else find_newest(visible.filter(**newest_of), "capture", camera)


def find_file(capture: Capture, kind: str | None) -> CaptureFile:
    """The capture's file of that kind, else its first; CliError when it has none."""
    files = list(capture.files.select_related("root"))
    found = next((file for file in files if kind in (None, file.kind)), None)
    if found is None:
        has = f"It has {', '.join(file.kind for file in files)}." if files else f"It is {capture.status}."
        wanted = f"{kind} file" if kind else "file"
        raise CliError("not-found", f"The capture {capture.id} has no {wanted}. {has}")
    return found


def print_captures(body: dict[str, Any]) -> None:
    columns = ["id", "started", "camera", "outcome", "size"]
    print_table(make_table(columns, [capture_cells(capture) for capture in body["results"]]))


def print_trash(body: dict[str, Any]) -> None:
    rows = [
        [*capture_cells(one)[:3], format_listed_time(one["trashed"]), one["trashed_by"] or "age", capture_cells(one)[4]]
        for one in body["results"]
    ]
    print_table(make_table(["id", "started", "camera", "trashed", "by", "size"], rows))


def capture_cells(capture: dict[str, Any]) -> list[object]:
    from core.templatetags.skycam import format_bytes

    reason = humanize(capture["reason"])
    outcome = f"{capture['status']}, {reason}" if reason else capture["status"]
    started = format_listed_time(capture["started"] or capture["planned"])
    size = format_bytes(sum(file["bytes"] for file in capture["files"])) if capture["files"] else ""
    size = size or ("remote" if capture["references"] else "")
    return [short_id(capture["id"]), started, capture["camera"], outcome, size]


def print_capture(body: dict[str, Any]) -> None:
    from cameras.capture_options import describe_options

    print_line(f"{body['camera']}: {body['status']}{', ' if body['message'] else ''}{body['message']}")
    used = [(name, body[key]) for name, key in (("f-number", "f_number"), ("ISO", "iso"), ("gain", "gain"))]
    made = [("library", body["library"]), ("serial", body["serial"]), ("firmware", body["firmware"])]
    print_fields(
        [
            ("started", format_time(body["started"])),
            ("ended", format_time(body["ended"])),
            ("exposure", format_requested_and_used(body["asked"].get("exposure_us"), body["exposure_us"])),
            *used,
            ("options", describe_options(body["asked"].get("options", {}))),
            ("temperature", degrees(body["temperature_celsius"])),
            ("simulated", body["simulated"] or None),
            ("session", body["session"]),
            ("adopted", format_time(body["adopted"])),
            *[("original", file["original"]) for file in body["files"] if file["original"]],
            ("by", body["requested_by"]),
            ("job", body["job"]),
            ("note", body["note"]),
            *made,
            ("id", body["id"]),
        ]
    )
    rows = [[file["kind"], file["filename"], size_of(file), file["bytes"], file["sha256"]] for file in body["files"]]
    if rows:
        print_table(make_table(["kind", "file", "pixels", "bytes", "SHA-256"], rows))
    print_references(body["references"])
    print_warnings(body["warnings"])


def print_references(references: list[dict[str, Any]]) -> None:
    if not references:
        return
    rows = [[one["kind"], one["place"], one["bytes"], one["sha256"]] for one in references]
    print_line(f"remote: {pluralize(len(rows), 'file')}, not held by this station, and never checked:")
    print_table(make_table(["kind", "place", "bytes", "SHA-256"], rows))


def degrees(celsius: float | None) -> str:
    return "" if celsius is None else f"{celsius:g} °C"


def size_of(file: dict[str, Any]) -> str:
    return f"{file['width']} x {file['height']}" if file["width"] else ""


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
    from core.resources.resource import body_of

    found = clips_for(caller.user).filter(**camera_filter(caller, camera), **given(**conditions))
    results = overlapping(found, since, until).order_by("-started_at", "-id")[:limit]
    print_result({"results": [body_of(ClipBody, clip) for clip in results]}, print_clips)


@clips.command("get")
@click.argument("clip_id", metavar="[ID]", required=False)
@shared_option("--camera", "The newest clip of this camera.")
@to_option
@force_option
def get_clip(clip_id: str | None, camera: str | None, to: str | None, force: bool) -> None:
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
