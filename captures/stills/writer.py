"""`StillWriter`: writes an exposure as files into the spool. It runs in a camera process, without Django."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from cameras.drivers.base import CameraError, CameraFile, Exposure, Identity
from cameras.runtime.consumers import Context
from cameras.runtime.file_formats import DEFAULT_FORMATS
from cameras.spool.records import ClockState, PartFile, Plan, Record
from cameras.spool.spool import Part, Spool
from captures.paths import DEFAULT_TEMPLATE, ImageOrganizer, Site
from captures.stills.facts import facts_of
from captures.stills.formats import FORMATS, JPEG_QUALITY, Encoding, jpeg_size
from captures.thumbnails.thread import SavedCapture, ThumbnailThread
from core.dataclass_json import dataclass_from_json

log = logging.getLogger(__name__)
# The size of a JPEG comes after its metadata, of which each segment can have 64 kB.
HEAD_BYTES = 1 << 18


class StillWriter:
    def __init__(self, context: Context) -> None:
        spec = context.spec
        self._slug, self._template = spec["slug"], spec.get("file_names", DEFAULT_TEMPLATE)
        self.set_site(spec["site"])
        self.thumbnails = ThumbnailThread(spec["root_path"], spec["root"])

    def set_site(self, site: dict[str, Any]) -> None:
        # Each is replaced whole: the still thread reads `_site` while the camera loop replaces it.
        self._site = site
        self._organizer = ImageOrganizer(self._slug, dataclass_from_json(Site, site), self._template)

    def file_path(
        self, capture: str, at: datetime, name: str = "", *, index: int | None = None, exposure_us: int | None = None
    ) -> str:
        return self._organizer.path(capture, at, name, index=index, exposure_us=exposure_us)

    def write_files(
        self, spool: Spool, plan: Plan, exposure: Exposure, identity: Identity, clock: ClockState
    ) -> list[PartFile]:
        """Returns the primary file first.

        Raises the OSError of the disk; CameraError when none of the camera's files was transferred, and the error of
        the encoder when the frame cannot be encoded at all. Otherwise the files that failed are added to
        `exposure.missing`.
        """
        if exposure.frame is not None:
            return self._write_frame(spool, plan, exposure, identity, clock)
        return self._write_camera_files(spool, plan, exposure)

    def handle_saved(self, record: Record, exposure: Exposure) -> None:
        """The capture's files are safe: thumbnails are rendered from the exposure in memory."""
        self.thumbnails.submit_capture(SavedCapture(record, exposure))

    def _write_frame(
        self, spool: Spool, plan: Plan, exposure: Exposure, identity: Identity, clock: ClockState
    ) -> list[PartFile]:
        """Write the frame in each of the plan's formats. A format that cannot be encoded is listed as missing; the
        others are kept."""
        assert exposure.frame is not None
        image, encoding = exposure.frame.image, self._encoding(plan, exposure, identity, clock)
        written: list[PartFile] = []
        missing: list[str] = []
        broken: Exception | None = None
        for kind in kept_formats(plan):
            try:
                chunks = FORMATS[kind].encode(image, encoding)
            # The libraries that encode can raise anything. An OSError of the disk comes from `write_part`, and concerns
            # all files.
            except Exception as error:
                log.exception("Capture %s could not be encoded as %s", plan["id"], kind)
                broken = error
                missing.append(kind)
                encoding.warnings.append(f"The picture could not be encoded as {kind}: {error}"[:300])
            else:
                part = spool.write_part(plan["id"], kind, FORMATS[kind].suffix, chunks)
                written.append(part_file(spool, plan, part, int(image.shape[1]), int(image.shape[0])))
        if broken and not written:
            raise broken
        # Once all are written: after EIO this runs again.
        exposure.missing.extend(missing)
        exposure.warnings.extend(encoding.warnings)
        return written

    def _encoding(self, plan: Plan, exposure: Exposure, identity: Identity, clock: ClockState) -> Encoding:
        return Encoding(
            facts_of(plan, exposure, identity, clock, self._site),
            jpeg_quality=plan["file"]["jpeg_quality"] if "file" in plan else JPEG_QUALITY,
            fits_compression=plan.get("formats", DEFAULT_FORMATS)["fits_compression"],
        )

    def _write_camera_files(self, spool: Spool, plan: Plan, exposure: Exposure) -> list[PartFile]:
        """Write the camera's files. A file whose transfer fails is listed as missing; the others are kept."""
        written: list[PartFile] = []
        broken: CameraError | None = None
        for file, ending in zip(exposure.files, distinct_endings(exposure.files), strict=True):
            try:
                written.append(self._write_camera_file(spool, plan, file, ending))
            # Only the transfer of this file: an OSError of the disk concerns all files and is raised.
            except CameraError as error:
                broken = error
                exposure.missing.append(file.kind)
                exposure.warnings.append(str(error))
        if broken and not written:
            raise broken
        return written

    def _write_camera_file(self, spool: Spool, plan: Plan, file: CameraFile, ending: str) -> PartFile:
        """Write one file of the camera unchanged."""
        head = b""

        def chunks() -> Iterator[bytes | memoryview]:
            nonlocal head
            for chunk in file.chunks():
                head = head or bytes(chunk[:HEAD_BYTES])
                yield chunk

        part = spool.write_part(plan["id"], file.kind, file.suffix, chunks())
        size = jpeg_size(head) if file.kind == "jpeg" else None
        return part_file(spool, plan, part, *(size or (None, None)), ending=ending)


def kept_formats(plan: Plan) -> list[str]:
    """The formats of the plan, the primary one first. A client that requests the quality of a JPEG gets one as the
    primary file."""
    keep = plan.get("formats", DEFAULT_FORMATS)["keep"]
    return list(dict.fromkeys(["jpeg", *keep])) if "file" in plan else keep


def free_path(spool: Spool, plan: Plan, ending: str) -> str:
    """The file's final path. A name without the whole id may exist already: one that has only the time after a clock
    was set back, and one with the id's last digits by chance."""
    path = f"{plan['path']}{ending}"
    folder, _, name = path.rpartition("/")
    if plan["id"] not in name and spool.files.size(folder, name) is not None:
        return f"{plan['path']}_{plan['id']}{ending}"
    return path


def distinct_endings(files: Sequence[CameraFile]) -> list[str]:
    """The end of each file's name. Of several files with one suffix, all but the first also have their kind in it: a
    mosaic has one file for each CCD."""
    suffixes = [file.suffix for file in files]
    return [
        f"_{file.kind}{file.suffix}" if file.suffix in suffixes[:index] else file.suffix
        for index, file in enumerate(files)
    ]


def part_file(
    spool: Spool, plan: Plan, part: Part, width: int | None, height: int | None, *, ending: str = ""
) -> PartFile:
    """`ending`: the end of its name; empty: its suffix."""
    return PartFile(
        kind=part.kind,
        bytes=part.bytes,
        sha256=part.sha256,
        part=f"{plan['id']}.{part.kind}.part",
        path=free_path(spool, plan, ending or part.suffix),
        width=width,
        height=height,
    )
