"""Destinations of off-site copies, and one job that sends to them, in the process of the test."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.utils import timezone

from cameras.models import Camera
from captures.models import ArchiveFile, CaptureFile, Clip, Destination, OffsiteCopy, StorageRoot
from captures.recordings.clips.services import open_root
from captures.roots.models import Kept
from captures.storage.archives.selectors import copy_of
from captures.storage.offsite import queue
from captures.storage.offsite.destinations.settings import SECRETS, SETTINGS
from captures.storage.offsite.jobs import probe_destination, send_files
from captures.storage.offsite.restore import copies_of, fetch_part
from captures.storage.offsite.senders import NoPace
from captures.storage.stored_files import StoredFile
from captures.thumbnails.store import SIZES, ThumbnailStore
from core.events.models import Event
from core.events.selectors import unresolved_keys
from core.jobs.context import JobContext
from core.secrets import encrypt_secrets
from tests.harness.far_ends.offsite.s3_server import BUCKET, KEYS
from tests.harness.rows.captures import file_of, saved

HOST = "main"
CLASSES = ["rolling_clip", "manual_clip", "capture"]


def destination(
    kind: str, settings: dict[str, Any], secret: dict[str, Any] | None = None, **fields: Any
) -> Destination:
    found = SETTINGS[kind].model_validate(settings)
    values = {"name": kind, "classes": CLASSES, "settings": found.model_dump()}
    made = Destination(kind=kind, **values | fields)
    made.secret = encrypt_secrets(made, "secret", SECRETS[kind].model_validate(secret or {}).model_dump())
    made.save(force_insert=True)
    return made


def folder_destination(path: Path, **fields: Any) -> Destination:
    """Tested, so that the folder has the marker."""
    path.mkdir(exist_ok=True)
    made = destination("folder", {"path": str(path)}, **fields)
    assert probe(made)["works"]
    return made


def job(made: Destination) -> JobContext:
    return JobContext(
        "0193a000-0000-7000-8000-000000000001", {"destination": str(made.pk)}, None, "ada", lambda _: None
    )


def probe(made: Destination) -> dict[str, Any]:
    return probe_destination(job(made))


def send(made: Destination) -> dict[str, Any]:
    """Queue what is new, and run one job."""
    queue.queue_new_files(made, HOST)
    return send_files(job(made))


def copies(made: Destination) -> list[OffsiteCopy]:
    return list(OffsiteCopy.objects.filter(destination=made).order_by("at", "id"))


def states(made: Destination) -> list[str]:
    return [copy.state for copy in copies(made)]


def make_due(made: Destination) -> None:
    """As if the pauses after failures were over."""
    OffsiteCopy.objects.filter(destination=made).update(retry_at="2026-01-01T00:00:00Z")
    made.hosts.update(retry_at=None)


def open_alerts() -> list[str]:
    """The kinds of alerts about destinations."""
    return sorted(key.partition(":")[0] for key in unresolved_keys("offsite."))


def events() -> list[str]:
    return list(Event.objects.filter(kind__startswith="offsite.").order_by("at").values_list("kind", flat=True))


def store_digests() -> None:
    """The rows of clips with random content get its SHA-256."""
    for clip in Clip.objects.select_related("root"):
        digest = hashlib.sha256(Path(clip.root.path, clip.path).read_bytes()).hexdigest()
        Clip.objects.filter(pk=clip.pk).update(sha256=digest)


def restore(file: StoredFile) -> None:
    """Put the file back into its place from its copies, whatever its row says."""
    folder, _, name = file.path.rpartition("/")
    with open_root(StorageRoot.objects.get(pk=file.root)) as files:
        _, part = fetch_part(copies_of(file.table, file.pk, file.sha256), files, folder, NoPace())
        files.rename(folder, part, name)


def bucket(port: int, **fields: Any) -> Destination:
    """The bucket of the tests' S3 server, which may have the only copy of a file. `fields` are of the destination, and
    those of its settings in `place`."""
    place = {"endpoint": f"http://127.0.0.1:{port}", "bucket": BUCKET, "access_key": KEYS["access_key"]}
    place |= {"only_copy": True, **fields.pop("place", {})}
    return destination("s3", place, {"secret_key": KEYS["secret_key"]}, **fields)


def leave_to_copies(*files: CaptureFile | ArchiveFile) -> None:
    """As the rules of retention leave them: deleted here."""
    for file in files:
        served = copy_of(file) if isinstance(file, ArchiveFile) else file
        Path(served.root.path, served.path).unlink()
        type(file).objects.filter(pk=file.pk).update(kept=Kept.OFFSITE)


def old_file(camera: Camera, root: StorageRoot) -> CaptureFile:
    """Of a capture of two hours ago, with its thumbnails."""
    file = file_of(saved(camera, started_at=timezone.now() - timedelta(hours=2)), root)
    with ThumbnailStore(root.path) as store:
        for size in SIZES:
            store.write_thumbnail(file.sha256, size, b"\xff\xd8 small \xff\xd9")
    return file
