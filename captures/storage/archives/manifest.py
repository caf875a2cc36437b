"""The manifest of an archive (schema: docs/operating/archives.md), its checksums and README, and the captures that no
archive has because their files stay with the cameras."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable
from importlib.metadata import version
from typing import Any

from django.conf import settings

from cameras.models import Camera
from captures.capturing.models import CaptureReference
from captures.capturing.records import describe_references
from captures.experiments.models import Experiment, ExperimentCamera
from captures.experiments.resource import ExperimentFacts
from captures.experiments.selectors import camera_account, written_parts
from captures.storage.archives.models import Archive, ArchiveFile, ArchiveFolder
from core.events.models import Event
from core.resources.resource import body_of
from core.text.sentences import Sentence, pluralize, sentence
from core.times.timestamps import stamp

SCHEMA = "skycam-archive/1"
MANIFEST, SUMS, README = "manifest.json", "SHA256SUMS", "README.txt"
MAX_EVENTS = 10_000
"""Of the chain of custody; the newest ones."""


def make_manifest(archive: Archive, revision: int, written: str) -> str:
    """The manifest as it is written on each host."""
    experiment = archive.experiment
    content = {
        "schema": SCHEMA,
        "revision": revision,
        "written": written,
        "software": {"name": "Skycam", "version": version("skycam")},
        "station": {"id": settings.STATION.station.id, "name": settings.STATION.station.name},
        "experiment": experiment_part(experiment),
        "method": archive.method,
        "folders": [{"host": folder.host, "folder": archive.folder} for folder in archive.folders.order_by("host")],
        "files": [file_part(file) for file in files_of(archive)],
        "missing": archive.missing,
        "remote": remote_parts(experiment, experiment.places.all()),
        "cameras": camera_parts(experiment, experiment.places.select_related("camera")),
        **written_parts(experiment),
        "custody": custody(archive),
    }
    return json.dumps(content, indent=1, ensure_ascii=True) + "\n"


def files_of(archive: Archive) -> Iterable[ArchiveFile]:
    files = ArchiveFile.objects.filter(folder__archive=archive).select_related("folder")
    return files.order_by("folder__host", "path")


def file_part(file: ArchiveFile) -> dict[str, Any]:
    """`message`: why it is missing or damaged, before that of the facts of its clip."""
    return {
        "path": file.path, "host": file.folder.host, "bytes": file.bytes, "sha256": file.sha256, "state": file.state,
        "hard_link": file.linked, **file.facts, "message": file.message or file.facts.get("message", ""),
    }  # fmt: skip


def experiment_part(experiment: Experiment) -> dict[str, Any]:
    facts = body_of(ExperimentFacts, experiment)
    return {name: value for name, value in facts.items() if name not in ("record", "still_interval_s")}


def camera_parts(experiment: Experiment, places: Iterable[ExperimentCamera]) -> list[dict[str, Any]]:
    """Each of these cameras with its account: what there is, what is missing, and why."""
    if experiment.started_at is None:
        return []
    return [
        {
            **camera_account(experiment, place), "name": place.camera.name, "kind": place.camera.kind,
            "host": place.camera.host, "identity": place.camera.identity,
        }
        for place in places
    ]  # fmt: skip


def custody(archive: Archive) -> list[dict[str, Any]]:
    """Who did what when with the experiment and its archive."""
    subjects = [str(archive.experiment_id), str(archive.pk)]
    events = Event.objects.filter(subject__in=subjects).order_by("-at", "-id")[:MAX_EVENTS]
    return [
        {"at": stamp(event.at), "kind": event.kind, "actor": event.actor, "host": event.host, "message": event.message}
        for event in reversed(events)
    ]


def small_files(folder: ArchiveFolder, manifest: str) -> dict[str, bytes]:
    """The files beside those of the experiment, in the order in which they are written: the sums are last, and name
    the others. They say what the manifest says: what has become known since belongs to the next one."""
    content = json.loads(manifest)
    written = {MANIFEST: manifest.encode(), README: readme_of(content, folder.host).encode()}
    stated = {file["path"] for file in content["files"] if file["host"] == folder.host}
    # Also what is damaged now: a check of the sums must find it.
    copied = folder.files.exclude(copied_at=None).order_by("path").values_list("sha256", "path")
    lines = [f"{sha256}  {path}" for sha256, path in copied if path in stated]
    lines += [f"{hashlib.sha256(text).hexdigest()}  {name}" for name, text in written.items()]
    return {**written, SUMS: ("\n".join(lines) + "\n").encode()}


def readme_of(content: dict[str, Any], host: str) -> str:
    """For people who find the folder in ten years. `content`: that of the manifest."""
    experiment = content["experiment"]
    others = sorted({one["host"] for one in content["folders"]} - {host})
    elsewhere = (
        f"Other files of this archive are in a folder of the same name on: {', '.join(others)}.\n" if others else ""
    )
    return (
        f"Archive of the experiment: {experiment['name']}\n"
        f"Identifier: {experiment['id']}\n"
        f"Run: {experiment['started'] or 'never started'} to {experiment['ended'] or 'not ended'} (UTC)\n"
        f"Operator: {experiment['operator']}\n"
        "\n"
        "Each camera has a folder. `clips` has videos (H.264 in MP4), `captures` has single pictures.\n"
        f"{MANIFEST} describes each file, what is missing and why, and who did what when (JSON, {content['schema']}).\n"
        f"To check that no file has changed, run in this folder: sha256sum -c {SUMS}\n"
        f"{elsewhere}"
        f"\nWritten by Skycam {content['software']['version']} on the host {host}.\n"
    )


def _remote_references(experiment: Experiment, places: Iterable[ExperimentCamera]) -> Iterable[CaptureReference]:
    cameras = [place.camera_id for place in places]
    found = CaptureReference.objects.filter(
        capture__experiment=experiment.pk, capture__camera__in=cameras, capture__trashed_at=None
    )
    return found.select_related("capture__camera").order_by("capture__started_at", "capture", "number")


def remote_sentences(experiment: Experiment, places: Iterable[ExperimentCamera]) -> list[str]:
    """One for each of these cameras that keeps files."""
    by_camera: dict[Camera, list[CaptureReference]] = defaultdict(list)
    for one in _remote_references(experiment, places):
        by_camera[one.capture.camera].append(one)
    return [_remote_sentence(camera, by_camera[camera]) for camera in sorted(by_camera, key=lambda camera: camera.slug)]


def _remote_sentence(camera: Camera, references: list[CaptureReference]) -> Sentence:
    captures = len({one.capture_id for one in references})
    return sentence(
        "{captures} of {camera} {are} not archived: remote, {references}.",
        captures=pluralize(captures, "capture"),
        camera=camera,
        are="is" if captures == 1 else "are",
        references=describe_references(references),
    )


def remote_parts(experiment: Experiment, places: Iterable[ExperimentCamera]) -> list[dict[str, Any]]:
    """What the manifest says of them."""
    return [
        {
            "camera": one.capture.camera.slug,
            "id": str(one.capture_id),
            "started": stamp(one.capture.started_at),
            "file_kind": one.kind,
            "place": one.place,
            "bytes": one.bytes,
            "sha256": one.sha256 or None,
        }
        for one in _remote_references(experiment, places)
    ]
