"""The manifest of an archive: its schema is in docs/operating/archives.md. And what stands beside it in the folder."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from importlib.metadata import version
from typing import Any

from django.conf import settings

from captures.experiments.account import camera_account, written_parts
from captures.experiments.models import Experiment, ExperimentCamera
from captures.experiments.resource import ExperimentFacts
from captures.storage.archives.models import Archive, ArchiveFile, ArchiveFolder
from captures.storage.archives.remote import remote_parts
from core.events.models import Event
from core.resources.answers import body_of
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
