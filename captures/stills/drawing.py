"""Thumbnails from frames and from files. A file is hostile input: known formats, a limit of pixels, one error."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from captures.stills.thumbnails import SIZES

QUALITY = 80
MOST_PIXELS = 160_000_000
FORMATS = {"jpeg": "JPEG", "png": "PNG", "tiff": "TIFF"}
SIMULATED = "SIMULATED picture"
"""What a simulated frame says of itself in its metadata; its thumbnails say it too."""


class Unreadable(Exception):
    """This file cannot be drawn, however often one tries; the message says why."""


def from_frame(image: Any) -> Image.Image:
    """From (height, width, 3) RGB or (height, width) mono, uint8 or uint16 (its upper byte)."""
    eight_bits = (image >> 8).astype(np.uint8) if image.dtype == np.uint16 else image
    return Image.fromarray(eight_bits)


def from_file(file: BinaryIO, kind: str) -> Image.Image:
    """The picture as it is to be looked at, its orientation applied, at least as large as the largest thumbnail
    where the file is. Unreadable."""
    try:
        if kind in OWN_WAYS:
            return OWN_WAYS[kind](file)
        return upright(opened(file, FORMATS[kind]))
    except KeyError:
        raise Unreadable(f"Files of the kind {kind!r} are not drawn.") from None
    except UnidentifiedImageError:
        raise Unreadable("It is not the picture that its name says.") from None
    except (OSError, ValueError, SyntaxError, EOFError, MemoryError, Image.DecompressionBombError) as error:
        raise Unreadable(f"It cannot be decoded: {error}") from None


def opened(file: BinaryIO, form: str) -> Image.Image:
    """Not decoded yet. Unreadable when it is too large."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        image = Image.open(file, formats=[form])
    if image.width * image.height > MOST_PIXELS:
        raise Unreadable(f"It has {image.width} x {image.height} pixels; at most {MOST_PIXELS} are drawn.")
    image.draft("RGB", (SIZES[-1], SIZES[-1]))
    return image


def upright(image: Image.Image) -> Image.Image:
    """Decoded and turned, without more pixels than the largest thumbnail needs."""
    if image.mode.startswith("I"):
        image = from_frame(np.asarray(image).astype(np.uint16))
    simulated = description(image) == SIMULATED
    image.thumbnail((SIZES[-1], SIZES[-1]), reducing_gap=2.0)
    turned = ImageOps.exif_transpose(image).convert("L" if image.mode == "L" else "RGB")
    turned.info["simulated"] = simulated
    return turned


def description(image: Image.Image) -> str:
    return str(image.getexif().get(ExifTags.Base.ImageDescription, ""))


def from_raw(file: BinaryIO) -> Image.Image:
    """The largest picture that the camera itself put into its RAW file; one developed from the raw pixels where the
    file has none. Unreadable."""
    import rawpy

    try:
        with rawpy.imread(file) as raw:
            try:
                found, flip = raw.extract_thumb(), raw.sizes.flip
            except (rawpy.LibRawNoThumbnailError, rawpy.LibRawUnsupportedThumbnailError):
                return from_frame(raw.postprocess(half_size=True, use_camera_wb=True))
    except rawpy.LibRawError as error:
        raise Unreadable(f"No picture was found in the RAW file: {error}") from None
    if found.format == rawpy.ThumbFormat.BITMAP:
        return turned_by(flip, from_frame(found.data))
    image = opened(io.BytesIO(bytes(found.data)), "JPEG")
    own = image.getexif().get(ExifTags.Base.Orientation, 1)
    return turned_by(flip if own == 1 else 0, upright(image))


def from_clip(file: BinaryIO) -> Image.Image:
    """Its first key frame. Unreadable."""
    import av

    try:
        with av.open(file, "r", format="mp4") as clip:
            stream = clip.streams.video[0]
            stream.codec_context.skip_frame = "NONKEY"
            stream.codec_context.thread_count = 1
            frame = next(clip.decode(stream), None)
            if frame is None:
                raise Unreadable("No whole picture was found in the clip.")
            return from_frame(frame.to_ndarray(format="rgb24"))
    except (av.FFmpegError, IndexError) as error:
        raise Unreadable(f"The clip cannot be decoded: {error}") from None


OWN_WAYS = {"raw": from_raw, "mp4": from_clip}
"""Kinds that another library than Pillow opens."""

TURNS = {3: Image.Transpose.ROTATE_180, 5: Image.Transpose.ROTATE_90, 6: Image.Transpose.ROTATE_270}
"""LibRaw's flip -> the turn that sets the picture upright."""


def turned_by(flip: int, image: Image.Image) -> Image.Image:
    return image.transpose(TURNS[flip]) if flip in TURNS else image


def thumbnails(image: Image.Image, *, simulated: bool = False) -> Iterator[tuple[int, bytes]]:
    """Size and JPEG, from the largest to the smallest; nothing is enlarged."""
    exif = Image.Exif()
    if simulated or image.info.get("simulated"):
        exif[ExifTags.Base.ImageDescription] = SIMULATED
    for size in reversed(SIZES):
        image = reduced(image, size)
        content = io.BytesIO()
        image.save(content, "JPEG", quality=QUALITY, exif=exif.tobytes() if len(exif) else b"")
        yield size, content.getvalue()


def reduced(image: Image.Image, size: int) -> Image.Image:
    if max(image.size) <= size:
        return image
    scale = size / max(image.size)
    wanted = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    return image.resize(wanted, Image.Resampling.BICUBIC, reducing_gap=2.0)
