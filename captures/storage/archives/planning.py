"""Which files an archive will have, and under which names."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Container, Iterable
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef

from captures.capturing.models import CaptureFile
from captures.experiments.models import Experiment
from captures.recordings.clips.answers import DeliveryBody
from captures.recordings.clips.models import Clip, ClipHold
from captures.roots.models import StorageClass, StorageRoot
from captures.roots.roots import UnusableRoot, assigned_root
from captures.storage.archives.models import Archive, ArchiveFile, ArchiveFolder
from core.resources.resource import body_of
from core.station_settings import archive_config
from core.times.timestamps import stamp, stamp_or_none

HOLD = "archive"
"""`by` of the holds of archives: a source stays until its copy is proven."""


def plan_files(archive: Archive) -> int:
    """Add a row for each file of the experiment that has none, in the caller's transaction with the archive's row
    locked. Returns how many were added."""
    experiment, known = archive.experiment, _Known(archive)
    # Also an archive without a file has a manifest, which states what is missing.
    known.add_folder(experiment.places.select_related("camera")[0].camera.host)
    clips = list(unarchived_clips(experiment))
    added = [known.of_clip(clip) for clip in clips]
    added += [known.of_capture(file) for file in unarchived_captures(experiment)]
    ArchiveFile.objects.bulk_create(added, batch_size=500)
    if gather_host := archive_config().gather_host:
        gathered = [known.gathered(file, gather_host) for file in ungathered(archive, gather_host)]
        ArchiveFile.objects.bulk_create(gathered, batch_size=500)
        added += gathered
    holds = [ClipHold(clip=clip, by=HOLD, name=str(archive.pk)) for clip in clips]
    ClipHold.objects.bulk_create(holds, ignore_conflicts=True, batch_size=500)
    return len(added)


def unarchived_clips(experiment: Experiment) -> Iterable[Clip]:
    archived = ArchiveFile.objects.filter(clip=OuterRef("pk"), folder__archive__experiment=experiment)
    clips = Clip.objects.present().filter(~Exists(archived), experiment=experiment.pk)
    return clips.select_related("camera").order_by("started_at", "id")


def unarchived_captures(experiment: Experiment) -> Iterable[CaptureFile]:
    archived = ArchiveFile.objects.filter(capture_file=OuterRef("pk"), folder__archive__experiment=experiment)
    # Late ones of an archived experiment can be in the trash already.
    files = CaptureFile.objects.filter(~Exists(archived), capture__experiment=experiment.pk, capture__trashed_at=None)
    return files.select_related("capture__camera").order_by("capture__started_at", "pk")


def ungathered(archive: Archive, host: str) -> Iterable[ArchiveFile]:
    """The files of other hosts that `host` is to have too, and has no row of."""
    here = ArchiveFile.objects.filter(gathered_from=OuterRef("pk"), folder__host=host)
    files = ArchiveFile.objects.filter(~Exists(here), folder__archive=archive, gathered_from=None)
    return files.exclude(folder__host=host).select_related("folder").order_by("pk")


def archive_root(host: str) -> StorageRoot:
    """UnusableRoot when the host has none."""
    root = assigned_root(host, StorageClass.ARCHIVES)
    if root is None:
        raise UnusableRoot(f"The host {host!r} has no storage root. Start it once with `skycam up`.")
    return root


class _Known:
    """The folders of an archive and the paths that are used in them."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._folders = {folder.host: folder for folder in archive.folders.all()}
        self._used = {
            host: {path.lower() for path in folder.files.values_list("path", flat=True)}
            for host, folder in self._folders.items()
        }

    def of_clip(self, clip: Clip) -> ArchiveFile:
        path = self._path(clip.host, f"{clip.camera.slug}/clips", clip.filename)
        return ArchiveFile(
            folder=self.add_folder(clip.host), camera=clip.camera, clip=clip, path=path, at=clip.started_at,
            bytes=clip.bytes, sha256=clip.sha256, facts=clip_facts(clip),
        )  # fmt: skip

    def of_capture(self, file: CaptureFile) -> ArchiveFile:
        capture = file.capture
        path = self._path(file.host, f"{capture.camera.slug}/captures", file.path.rpartition("/")[2])
        return ArchiveFile(
            folder=self.add_folder(file.host), camera=capture.camera, capture_file=file, path=path,
            at=capture.started_at, bytes=file.bytes, sha256=file.sha256, facts=capture_facts(file),
        )  # fmt: skip

    def gathered(self, file: ArchiveFile, host: str) -> ArchiveFile:
        """The row of a copy on `host`."""
        folder, _, name = file.path.rpartition("/")
        return ArchiveFile(
            folder=self.add_folder(host), camera_id=file.camera_id, clip_id=file.clip_id,
            capture_file_id=file.capture_file_id, gathered_from=file, path=self._path(host, folder, name), at=file.at,
            bytes=file.bytes, sha256=file.sha256, facts={**file.facts, "gathered_from": file.folder.host},
        )  # fmt: skip

    def add_folder(self, host: str) -> ArchiveFolder:
        if host not in self._folders:
            self._folders[host] = ArchiveFolder.objects.create(
                archive=self._archive, host=host, root=archive_root(host)
            )
            self._used[host] = set()
        return self._folders[host]

    def _path(self, host: str, folder: str, filename: str) -> str:
        self.add_folder(host)
        path = unused_path(folder, filename, self._used[host])
        self._used[host].add(path.lower())
        return path


def clip_facts(clip: Clip) -> dict[str, Any]:
    """What the manifest says of a clip besides its path, size and hash."""
    return {
        "kind": "clip",
        "id": str(clip.pk),
        "camera": clip.camera.slug,
        "started": stamp(clip.started_at),
        "ended": stamp(clip.ended_at),
        "frames": clip.frames,
        "lost_frames": clip.lost_frames,
        **body_of(DeliveryBody, clip.delivered),
        "interrupted": clip.interrupted,
        "reason": clip.reason,
        "message": clip.message,
        "codec": clip.codec,
        "copied": clip.copied,
        "width": clip.width,
        "height": clip.height,
        "simulated": clip.simulated,
        "requested_by": clip.requested_by,
        "boot": clip.boot,
        "boot_s": clip.boot_s,
        "clock": clip.clock,
        "clock_offset_s": clip.clock_offset_s,
        "clock_error_s": clip.clock_error_s,
        "clock_jumped_s": clip.clock_jumped_s,
        **clip.conditions,
    }


def capture_facts(file: CaptureFile) -> dict[str, Any]:
    """What the manifest says of a capture's file."""
    capture = file.capture
    return {
        "kind": "capture",
        "id": str(capture.pk),
        "file_kind": file.kind,
        "camera": capture.camera.slug,
        "started": stamp(capture.started_at),
        "ended": stamp_or_none(capture.ended_at),
        "session": str(capture.session_id) if capture.session_id else None,
        "index": capture.index,
        "exposure_us": capture.exposure_us,
        "gain": capture.gain,
        "iso": capture.iso,
        "f_number": capture.f_number,
        "asked": capture.asked,
        "width": file.width,
        "height": file.height,
        "simulated": capture.simulated,
        "driver": capture.driver,
        "library": capture.library,
        "firmware": capture.firmware,
        "serial": capture.serial,
        "requested_by": capture.requested_by,
        "clock": capture.clock,
        "clock_offset_s": capture.clock_offset_s,
        "clock_error_s": capture.clock_error_s,
        "clock_jumped_s": capture.clock_jumped_s,
    }


EXPERIMENTS_FOLDER = "experiments"
LONGEST_NAME = 60
NAMELESS = "experiment"
"""For a name without a letter or digit of ASCII."""
# Windows opens a device for each of these, whatever the ending.
RESERVED = frozenset(
    {"con", "prn", "aux", "nul", *(f"{name}{number}" for name in ("com", "lpt") for number in range(10))}
)

PLAIN_PATH = re.compile(r"(?:[A-Za-z0-9_+-][A-Za-z0-9._+-]*/)+[A-Za-z0-9_+-][A-Za-z0-9._+-]*")


def slug_of(name: str) -> str:
    """1 to LONGEST_NAME lower-case letters, digits and hyphens; begins and ends with a letter or digit."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", plain)[:LONGEST_NAME].strip("-")
    return f"{slug}-{NAMELESS}" if slug in RESERVED else slug or NAMELESS


def folder_of(experiment: UUID, name: str) -> str:
    """Relative to the storage root. The id makes it unique: many names have one slug."""
    return f"{EXPERIMENTS_FOLDER}/{experiment}_{slug_of(name)}"


def unused_path(folder: str, filename: str, used: Container[str]) -> str:
    """`folder/filename`, with a number before its ending if that is used. `used`: paths in lower case, since Windows
    and macOS see one name in two that differ by case only. The name comes from a row, so its characters are replaced,
    too."""
    folder = "/".join(_unreserved(part) for part in folder.split("/"))
    stem, dot, ending = filename.rpartition(".")
    # Short enough for the temporary name too, which is longer.
    stem, ending = (_safe(stem), _safe(ending)[:30]) if dot else (_safe(filename), "")
    stem = _unreserved(stem)
    path, number = f"{folder}/{stem}{dot}{ending}", 1
    while path.lower() in used:
        number += 1
        path = f"{folder}/{stem}-{number}{dot}{ending}"
    return path


def is_plain_path(path: str) -> bool:
    """Whether the path has the form that `unused_path` makes, below at least one folder. Only such a one is a safe
    name on any system that extracts it from a ZIP file."""
    return PLAIN_PATH.fullmatch(path) is not None


def _unreserved(part: str) -> str:
    return f"_{part}" if part.partition(".")[0].lower() in RESERVED else part


def _safe(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9._+-]", "_", text).lstrip(".")[:200] or "_"
