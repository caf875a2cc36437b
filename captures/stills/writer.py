"""`StillWriter`: writes an exposure as files into the spool. It runs in a camera process, without Django."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from cameras.drivers.base import CameraError, CameraFile, Exposure, Identity
from cameras.runtime.consumers import Context
from cameras.spool.records import PartFile, Plan, Record
from cameras.spool.spool import Part, Spool
from captures.paths.file_names import DEFAULT_TEMPLATE
from captures.paths.night import Site
from captures.paths.organizer import ImageOrganizer
from captures.stills.exif import exif_of, with_exif
from captures.stills.formats import JPEG_QUALITY, encode_jpeg, jpeg_size
from captures.thumbnails.thread import SavedCapture, ThumbnailThread
from core.dataclass_json import dataclass_from_json

# The size of a JPEG comes after its metadata, of which each segment can have 64 kB.
HEAD_BYTES = 1 << 18


class StillWriter:
    def __init__(self, context: Context) -> None:
        spec = context.spec
        site = dataclass_from_json(Site, spec["site"])
        self._organizer = ImageOrganizer(spec["slug"], site, spec.get("file_names", DEFAULT_TEMPLATE))
        self.thumbnails = ThumbnailThread(spec["root_path"], spec["root"])

    def file_path(
        self, capture: str, at: datetime, name: str = "", *, index: int | None = None, exposure_us: int | None = None
    ) -> str:
        return self._organizer.path(capture, at, name, index=index, exposure_us=exposure_us)

    def write_files(self, spool: Spool, plan: Plan, exposure: Exposure, identity: Identity) -> list[PartFile]:
        """Returns the primary file first.

        Raises the OSError of the disk, and CameraError when none of the camera's files was transferred. Otherwise the
        files whose transfer failed are added to `exposure.missing`.
        """
        if exposure.frame is not None:
            return [self._write_frame(spool, plan, exposure, identity)]
        return self._write_camera_files(spool, plan, exposure)

    def handle_saved(self, record: Record, exposure: Exposure) -> None:
        """The capture's files are safe: thumbnails are rendered from the exposure in memory."""
        self.thumbnails.submit_capture(SavedCapture(record, exposure))

    def _write_frame(self, spool: Spool, plan: Plan, exposure: Exposure, identity: Identity) -> PartFile:
        assert exposure.frame is not None
        image = exposure.frame.image
        quality = plan["file"]["jpeg_quality"] if "file" in plan else JPEG_QUALITY
        pieces = with_exif(memoryview(encode_jpeg(image, quality)).tobytes(), exif_of(plan, exposure, identity))
        part = spool.write_part(plan["id"], "jpeg", ".jpg", pieces)
        return part_file(spool, plan, part, int(image.shape[1]), int(image.shape[0]))

    def _write_camera_files(self, spool: Spool, plan: Plan, exposure: Exposure) -> list[PartFile]:
        """Write the camera's files. A file whose transfer fails is listed as missing; the others are kept."""
        written: list[PartFile] = []
        broken: CameraError | None = None
        for file in exposure.files:
            try:
                written.append(self._write_camera_file(spool, plan, file))
            # Only the transfer of this file: an OSError of the disk concerns all files and is raised.
            except CameraError as error:
                broken = error
                exposure.missing.append(file.kind)
                exposure.warnings.append(str(error))
        if broken and not written:
            raise broken
        return written

    def _write_camera_file(self, spool: Spool, plan: Plan, file: CameraFile) -> PartFile:
        """Write one file of the camera unchanged."""
        head = b""

        def chunks() -> Iterator[bytes | memoryview]:
            nonlocal head
            for chunk in file.chunks():
                head = head or bytes(chunk[:HEAD_BYTES])
                yield chunk

        part = spool.write_part(plan["id"], file.kind, file.suffix, chunks())
        size = jpeg_size(head) if file.kind == "jpeg" else None
        return part_file(spool, plan, part, *(size or (None, None)))


def free_path(spool: Spool, plan: Plan, suffix: str) -> str:
    """The file's final path. A name without the whole id may exist already: one that has only the time after a clock
    was set back, and one with the id's last digits by chance."""
    path = f"{plan['path']}{suffix}"
    folder, _, name = path.rpartition("/")
    if plan["id"] not in name and spool.files.size(folder, name) is not None:
        return f"{plan['path']}_{plan['id']}{suffix}"
    return path


def part_file(spool: Spool, plan: Plan, part: Part, width: int | None, height: int | None) -> PartFile:
    return PartFile(
        kind=part.kind,
        bytes=part.bytes,
        sha256=part.sha256,
        part=f"{plan['id']}.{part.kind}.part",
        path=free_path(spool, plan, part.suffix),
        width=width,
        height=height,
    )
