"""`StillWriter`: from an exposure to files in the spool. Runs in a camera process, without Django."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from cameras.drivers.base import CameraError, CameraFile, Exposure, Identity
from cameras.runtime.consumers import Context
from cameras.runtime.spool import Part, PartFile, Plan, Spool
from captures.night import Site
from captures.organizer import ImageOrganizer
from captures.stills.exif import exif_of, with_exif
from captures.stills.formats import encode_jpeg, jpeg_size

HEAD_BYTES = 1 << 18


class StillWriter:
    def __init__(self, context: Context) -> None:
        self._organizer = ImageOrganizer(context.spec["slug"], Site(**context.spec["site"]))

    def path(self, capture: str, at: datetime) -> str:
        return self._organizer.path(capture, at)

    def write(self, spool: Spool, plan: Plan, exposure: Exposure, identity: Identity) -> list[PartFile]:
        """The primary file first. OSError as the disk says it; CameraError when nothing of the
        camera's files came; otherwise what broke off is added to `exposure.missing`."""
        if exposure.frame is not None:
            return [self._frame(spool, plan, exposure, identity)]
        return self._own_files(spool, plan, exposure)

    def _frame(self, spool: Spool, plan: Plan, exposure: Exposure, identity: Identity) -> PartFile:
        assert exposure.frame is not None
        image = exposure.frame.image
        pieces = with_exif(memoryview(encode_jpeg(image)).tobytes(), exif_of(plan, exposure, identity))
        part = spool.write_part(plan["id"], "jpeg", ".jpg", pieces)
        return named(plan, part, int(image.shape[1]), int(image.shape[0]))

    def _own_files(self, spool: Spool, plan: Plan, exposure: Exposure) -> list[PartFile]:
        """What came of the camera's files: one that breaks off is missing, and the others are kept."""
        written: list[PartFile] = []
        broken: CameraError | None = None
        for file in exposure.files:
            try:
                written.append(self._own_file(spool, plan, file))
            except CameraError as error:
                broken = error
                exposure.missing.append(file.kind)
                exposure.warnings.append(str(error))
        if broken and not written:
            raise broken
        return written

    def _own_file(self, spool: Spool, plan: Plan, file: CameraFile) -> PartFile:
        """As the camera made it, byte for byte."""
        head = b""

        def chunks() -> Iterator[bytes | memoryview]:
            nonlocal head
            for chunk in file.chunks():
                head = head or bytes(chunk[:HEAD_BYTES])
                yield chunk

        part = spool.write_part(plan["id"], file.kind, file.suffix, chunks())
        size = jpeg_size(head) if file.kind == "jpeg" else None
        return named(plan, part, *(size or (None, None)))


def named(plan: Plan, part: Part, width: int | None, height: int | None) -> PartFile:
    return PartFile(
        kind=part.kind,
        bytes=part.bytes,
        sha256=part.sha256,
        part=f"{plan['id']}.{part.kind}.part",
        path=f"{plan['path']}{part.suffix}",
        width=width,
        height=height,
    )
