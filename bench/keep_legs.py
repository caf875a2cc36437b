"""The steps of a capture of 24 megapixels, each measured alone, and the whole: a camera loop with its still thread and
its thumbnails, and the row of its record.

`python -m bench.keep_legs FOLDER TIMES`, with the settings of a running station; prints medians in ms as JSON.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Self

import django
import numpy as np
import uuid6

from bench.figures import timed

HEIGHT, WIDTH = 4000, 6000
KEPT = {"keep": ["fits", "jpeg"], "fits_compression": "none"}
ENCODINGS = {
    "JPEG": ("jpeg", "none"), "FITS": ("fits", "none"), "FITS, Rice": ("fits", "rice"), "PNG": ("png", "none"),
    "TIFF": ("tiff", "none"),
}  # fmt: skip
IMPORT = """
import time
def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096
import captures.stills.writer, cv2
before, began = resident(), time.perf_counter()
import astropy.io.fits
print((time.perf_counter() - began) * 1000, (resident() - before) / 1e6)
"""


def main(folder: Path, times: int) -> dict[str, float]:
    django.setup()
    image = dark_sky()
    found = encoding_legs(image, times)
    with WholeCapture(folder, image) as whole:
        found |= whole.legs(times)
    ms, megabytes = map(float, subprocess.check_output([sys.executable, "-c", IMPORT], text=True).split())
    return found | {"astropy ms": ms, "astropy MB": megabytes}


def dark_sky() -> Any:
    """(HEIGHT, WIDTH) uint16: a bias with read noise, as of a 16-bit camera."""
    return np.random.default_rng(1).normal(2000, 60, (HEIGHT, WIDTH)).astype(np.uint16)


def encoding_legs(image: Any, times: int) -> dict[str, float]:
    from captures.stills.formats import FORMATS, Encoding
    from tests.harness.rows.stills import FACTS

    found: dict[str, float] = {}
    for name, (kind, compression) in ENCODINGS.items():
        encoding = Encoding(FACTS, fits_compression=compression)
        found[name] = median(partial(FORMATS[kind].encode, image, encoding), times)
        found[f"{name} bytes"] = sum(len(chunk) for chunk in FORMATS[kind].encode(image, encoding))
    return found


def median(call: Callable[[], object], times: int) -> float:
    return timed(call, times, warm_up=2).median


class WholeCapture:
    """A camera loop whose camera delivers `image`, on a root of its own, with rows in the station's database."""

    def __init__(self, folder: Path, image: Any) -> None:
        from cameras.models import Camera
        from cameras.spool.storage import read_marker
        from captures.models import StorageRoot
        from captures.stills.formats import FORMATS, Encoding
        from tests.harness.camera_processes.camera_loop import CAMERA, CameraLoopBench
        from tests.harness.rows.stills import FACTS

        root = Path(tempfile.mkdtemp(prefix="keep-", dir=folder))
        self.image = image
        self.bench = CameraLoopBench(root, formats=KEPT)
        self.root = str(read_marker(str(root)))
        StorageRoot.objects.create(id=self.root, host="bench-keep", path=str(root))
        Camera.objects.get_or_create(
            id=CAMERA, defaults={"slug": "bench-keep", "kind": "simulated", "host": "bench-keep", "enabled": False}
        )
        self.folder = root
        self._encoded = {kind: FORMATS[kind].encode(image, Encoding(FACTS)) for kind in KEPT["keep"]}

    def __enter__(self) -> Self:
        self.bench.__enter__()
        self.bench.wait_for_type("observed", observed="ready")
        return self

    def __exit__(self, *error: object) -> None:
        self.bench.__exit__(*error)

    def legs(self, times: int) -> dict[str, float]:
        from captures.thumbnails.thread import MAX_REST_S

        record = self.take_still()
        return {
            # With a pause: the thread of the thumbnails rests after each capture.
            "whole": timed(self.take_still, times, warm_up=2, pause_s=MAX_REST_S + 0.5).median,
            "writing both": median(self.write_both, times),
            "record and place": median(self.record_and_place, times),
            "thumbnails": median(lambda: self.thumbnails(record), times),
            "row": median(lambda: self.row(record), times),
        }

    def take_still(self) -> dict[str, Any]:
        """The whole capture; returns its record."""
        from captures.thumbnails.store import ThumbnailStore
        from tests.harness.far_ends.scripted_camera import exposure

        self.bench.camera.next.append(exposure(frame=self.bench.camera.image(self.image)))
        capture = self.bench.capture()
        self.bench.wait_for_type("spooled", id=capture)
        record: dict[str, Any] = json.loads((self.bench.spool / f"{capture}.done").read_text())
        self.row(record, capture)
        # The thumbnails are those of the JPEG, and the same for each capture of the same frame but for its times.
        jpeg = next(file for file in record["files"] if file["kind"] == "jpeg")
        with ThumbnailStore(str(self.folder), self.root) as store:
            while not store.has_all_sizes(jpeg["sha256"]):
                time.sleep(0.001)
        return record

    def write_both(self) -> None:
        """Hash, write and sync both files, of bytes that are encoded already. They stay, as those of a capture do: new
        files that got the blocks of removed ones would be written up to twice as fast."""
        capture = str(uuid6.uuid7())
        for kind, chunks in self._encoded.items():
            self.spool.write_part(capture, kind, f".{kind}", chunks)

    def record_and_place(self) -> None:
        """Plan, record, place and done of a capture with two small files."""
        from bench.legs import plan, record

        capture = str(uuid6.uuid7())
        path = f"captures/bench/{capture}"
        self.spool.files.make_folders("captures/bench")
        self.spool.plan(plan(capture, path))
        made = record(capture, path, self.spool.write_part(capture, "jpeg", ".jpg", [b"small"]))
        self.spool.commit(made)
        self.spool.place(made)
        self.spool.done(made)

    def thumbnails(self, record: dict[str, Any]) -> None:
        from captures.thumbnails.rendering import image_from_frame, render_thumbnails
        from captures.thumbnails.store import ThumbnailStore

        with ThumbnailStore(str(self.folder), self.root) as store:
            for size, jpeg in render_thumbnails(image_from_frame(self.image)):
                store.write_thumbnail(record["files"][0]["sha256"], size, jpeg)

    def row(self, record: dict[str, Any], capture: str = "") -> None:
        """Ingest the record, as that of another capture if none is given."""
        from cameras.supervision.ingest import ingest_records

        capture = capture or str(uuid6.uuid7())
        files = [{**file, "path": f"bench/{capture}-{file['kind']}"} for file in record["files"]]
        ingest_records([{**record, "id": capture, "files": files}])  # type: ignore[list-item]

    @property
    def spool(self) -> Any:
        storage = self.bench.process.storage_holder.storage
        assert storage is not None
        return storage.spool


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), int(sys.argv[2]))))
