"""Clips as the recorder writes them: H.264 in fragmented MP4, a fragment for each frame, each frame with its number in
its pixels; and their rows, with the files in a storage root."""

from __future__ import annotations

import functools
import hashlib
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
import numpy as np

from cameras.drivers.simulated.codec import draw_frame_number

if TYPE_CHECKING:
    from cameras.models import Camera
    from captures.models import Clip, StorageRoot

WIDTH, HEIGHT, FPS, GOP = 320, 240, 10, 20
TIME_BASE = Fraction(1, 90_000)
FRAGMENTS = {"movflags": "frag_every_frame+empty_moov+default_base_moof"}
ENCODER = {"preset": "ultrafast", "bf": "0", "g": str(GOP)}
STARTED = datetime(2026, 3, 28, 12, 0, tzinfo=UTC)


@functools.cache
def content(frames: int = 40, first: int = 0, fps: float = FPS) -> bytes:
    """The bytes of a clip, encoded once."""
    with tempfile.TemporaryDirectory() as folder:
        return write_clip(Path(folder, "clip.mp4"), frames, first=first, fps=fps).read_bytes()


def uneven(times: Sequence[float]) -> bytes:
    """The bytes of a clip whose frames are shown at these seconds."""
    with tempfile.TemporaryDirectory() as folder:
        return write_clip(Path(folder, "clip.mp4"), len(times), times=times).read_bytes()


def cut_off(clip: bytes, share: float = 0.7) -> bytes:
    """A clip as a crash leaves it: its file ends in the middle of a fragment."""
    return clip[: clip.rindex(b"moof", 0, int(len(clip) * share)) + 60]


def clip_of(
    camera: Camera, root: StorageRoot, started: datetime = STARTED, *, film: bytes | None = None, **fields: Any
) -> Clip:
    """A row and its file. `film` is by default a clip of 40 frames, 4 s."""
    film = content() if film is None else film
    clip = row_of(camera, root, started, bytes=len(film), sha256=hashlib.sha256(film).hexdigest(), **fields)
    file = Path(root.path, clip.path)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(film)
    clip.save(force_insert=True)
    return clip


def row_of(camera: Camera, root: StorageRoot, started: datetime, length_s: float = 4.0, **fields: Any) -> Clip:
    """A row without a file, not saved."""
    from captures.models import Clip

    clip = Clip(camera=camera, root=root, host=root.host, started_at=started)
    clip.path = f"clips/{camera.slug}/{started:%Y/%m/%d}/{camera.slug}_{started:%Y%m%d_%H%M%S}_{clip.pk}.mp4"
    values = {"frames": 40, "codec": "h264", "width": WIDTH, "height": HEIGHT, "bytes": 1000, "sha256": "0" * 64}
    values["ended_at"] = started + timedelta(seconds=length_s)
    for name, value in (values | fields).items():
        setattr(clip, name, value)
    return clip


def write_clip(path: Path, frames: int = 40, *, first: int = 0, fps: float = FPS, times: Sequence[float] = ()) -> Path:
    """Frames `first`, `first` + 1, ... at a steady `fps`, or at `times` in seconds; a key frame each GOP frames."""
    with av.open(str(path), "w", format="mp4", options=FRAGMENTS) as container:
        stream = container.add_stream("libx264", rate=FPS, options=ENCODER)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.codec_context.time_base = TIME_BASE
        for place in range(frames):
            frame = av.VideoFrame.from_ndarray(picture(first + place), format="rgb24")
            at = times[place] if times else place / fps
            frame.pts, frame.time_base = round(at / TIME_BASE), TIME_BASE
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def picture(number: int) -> Any:
    """(HEIGHT, WIDTH, 3) RGB with `number` in its pixels, and a bar that moves."""
    image = np.full((HEIGHT, WIDTH, 3), 70, np.uint8)
    image[120:, (number * 8) % WIDTH :][:, :24] = (200, 160, 40)
    draw_frame_number(image, number)
    return image
