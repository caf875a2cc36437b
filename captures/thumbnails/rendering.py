"""Thumbnails from frames and from files. A file is hostile input: known formats, a limit of pixels, one error."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageFile, ImageOps, UnidentifiedImageError

from captures.thumbnails.store import SIZES

QUALITY = 80
MAX_PIXELS = 160_000_000
SAMPLES = 500_000
"""Pixels that the limits of a stretch are computed from, at least; a smaller picture is used whole."""
CLIPPED_PERCENT, GAMMA = 0.1, 2.2
FORMATS = {"jpeg": "JPEG", "png": "PNG", "tiff": "TIFF"}
SIMULATED = "SIMULATED picture"
"""The image description of a simulated frame and of its thumbnails."""


class Unreadable(Exception):
    """This file can never be rendered; the message says why."""


def image_from_pixels(image: Any) -> Image.Image:
    """As `image_from_frame`, but 16 bits are stretched, as few of their values may be in use: see `stretch`."""
    return Image.fromarray(stretch(image) if image.dtype == np.uint16 else image)


def stretch(image: NDArray[np.uint16]) -> NDArray[np.uint8]:
    """8 bits of a linear picture in 16 bits: from the value that 0.1 % of the pixels are below, black, to the one that
    0.1 % are above, white, by the power 1/2.2. All channels alike, so colours keep their ratios. Of a picture without
    contrast, the upper bytes."""
    step = max(1, image.shape[0] * image.shape[1] // SAMPLES)
    sample = image.reshape(image.shape[0] * image.shape[1], -1)[::step]
    black, white = np.percentile(sample, (CLIPPED_PERCENT, 100 - CLIPPED_PERCENT))
    if black == white:
        return (image >> 8).astype(np.uint8)
    levels = np.clip((np.arange(1 << 16) - black) / (white - black), 0, 1) ** (1 / GAMMA)
    table = np.round(255 * levels).astype(np.uint8)
    return np.asarray(table[image])


def image_from_frame(image: Any) -> Image.Image:
    """`image` is (height, width, 3) RGB or (height, width) mono, uint8 or uint16; of uint16 the upper byte is used."""
    eight_bits = (image >> 8).astype(np.uint8) if image.dtype == np.uint16 else image
    return Image.fromarray(eight_bits)


def image_from_file(file: BinaryIO, kind: str) -> Image.Image:
    """The picture with its orientation applied. It is at least as large as the largest thumbnail, if the file is.

    Raises Unreadable.
    """
    try:
        if kind in DECODERS:
            return DECODERS[kind](file)
        image = open_image(file, FORMATS[kind])
        return image_of_16_bits(file, image) if has_16_bit_colours(image) else decode_upright(image)
    except KeyError:
        raise Unreadable(f"Files of the kind {kind!r} have no thumbnails.") from None
    except UnidentifiedImageError:
        raise Unreadable(f"The file is not a picture of the kind {kind!r}.") from None
    # Pillow raises all of these for damaged files: SyntaxError for a broken PNG, MemoryError under the limit of the
    # worker.
    except (OSError, ValueError, SyntaxError, EOFError, MemoryError, Image.DecompressionBombError) as error:
        raise Unreadable(f"The picture cannot be decoded: {error}") from None


def open_image(file: BinaryIO, form: str) -> Image.Image:
    """The image, not yet decoded. Unreadable when it has too many pixels."""
    with warnings.catch_warnings():
        # Pillow warns from 89 million pixels on, which a camera can have. The limit below decides, before anything is
        # decoded.
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        image = Image.open(file, formats=[form])
    if image.width * image.height > MAX_PIXELS:
        raise Unreadable(f"The picture has {image.width} x {image.height} pixels; the limit is {MAX_PIXELS}.")
    # A JPEG is then decoded at a fraction of its size: 1080p at a quarter in 4.1 ms instead of 5.9. Other formats
    # ignore it.
    image.draft("RGB", (SIZES[-1], SIZES[-1]))
    return image


def decode_upright(image: Image.Image) -> Image.Image:
    """Decode and rotate the image; it keeps at most the pixels that the largest thumbnail needs."""
    simulated = description_of(image) == SIMULATED
    if image.mode.startswith("I"):
        # Now, because the new image has no orientation.
        ImageOps.exif_transpose(image, in_place=True)
        image = image_from_pixels(np.asarray(image).astype(np.uint16))
    # Before it is rotated: rotating copies all pixels.
    image.thumbnail((SIZES[-1], SIZES[-1]), reducing_gap=2.0)
    upright = ImageOps.exif_transpose(image).convert("L" if image.mode == "L" else "RGB")
    upright.info["simulated"] = simulated
    return upright


def has_16_bit_colours(image: Image.Image) -> bool:
    """Whether Pillow would drop the lower byte of the colours."""
    tiles = image.tile if isinstance(image, ImageFile.ImageFile) else []
    return image.mode == "RGB" and any(";16" in str(tile.args) for tile in tiles)


def image_of_16_bits(file: BinaryIO, image: Image.Image) -> Image.Image:
    """A colour picture whose size was checked by `open_image`. Unreadable."""
    import cv2

    file.seek(0)
    pixels = cv2.imdecode(np.frombuffer(file.read(), np.uint8), cv2.IMREAD_UNCHANGED | cv2.IMREAD_IGNORE_ORIENTATION)
    if pixels is None or pixels.ndim != 3:
        raise Unreadable("The picture cannot be decoded.")
    found = image_from_pixels(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB))
    found.getexif()[ExifTags.Base.Orientation] = image.getexif().get(ExifTags.Base.Orientation, 1)
    ImageOps.exif_transpose(found, in_place=True)
    found.info["simulated"] = description_of(image) == SIMULATED
    return found


def description_of(image: Image.Image) -> str:
    return str(image.getexif().get(ExifTags.Base.ImageDescription, ""))


def image_from_raw(file: BinaryIO) -> Image.Image:
    """The largest preview that the camera put into its RAW file, else the developed raw pixels. Unreadable."""
    import rawpy

    try:
        with rawpy.imread(file) as raw:
            try:
                found, flip = raw.extract_thumb(), raw.sizes.flip
            except (rawpy.LibRawNoThumbnailError, rawpy.LibRawUnsupportedThumbnailError):
                return image_from_frame(raw.postprocess(half_size=True, use_camera_wb=True))
    except rawpy.LibRawError as error:
        raise Unreadable(f"The RAW file has no readable picture: {error}") from None
    if found.format == rawpy.ThumbFormat.BITMAP:
        return apply_flip(flip, image_from_frame(found.data))
    image = open_image(io.BytesIO(bytes(found.data)), "JPEG")
    # Cameras write the orientation into the RAW file, its preview, or both: a preview is not rotated twice.
    own = image.getexif().get(ExifTags.Base.Orientation, 1)
    return apply_flip(flip if own == 1 else 0, decode_upright(image))


def image_from_clip(file: BinaryIO) -> Image.Image:
    """The first key frame of the clip. Unreadable."""
    import av

    try:
        with av.open(file, "r", format="mp4") as clip:
            stream = clip.streams.video[0]
            stream.codec_context.skip_frame = "NONKEY"
            stream.codec_context.thread_count = 1
            frame = next(clip.decode(stream), None)
            if frame is None:
                raise Unreadable("The clip has no complete picture.")
            return image_from_frame(frame.to_ndarray(format="rgb24"))
    except (av.FFmpegError, IndexError) as error:
        raise Unreadable(f"The clip cannot be decoded: {error}") from None


def image_from_fits(file: BinaryIO) -> Image.Image:
    """The first image in the file. Unreadable."""
    from captures.thumbnails.fits import read_fits

    pixels, simulated = read_fits(file, MAX_PIXELS)
    image = image_from_pixels(pixels)
    image.info["simulated"] = simulated
    return image


DECODERS = {"fits": image_from_fits, "raw": image_from_raw, "mp4": image_from_clip}
"""Kinds that Pillow does not open."""

TRANSPOSE_OF_FLIP = {3: Image.Transpose.ROTATE_180, 5: Image.Transpose.ROTATE_90, 6: Image.Transpose.ROTATE_270}
"""LibRaw's flip -> the rotation that sets the picture upright."""


def apply_flip(flip: int, image: Image.Image) -> Image.Image:
    return image.transpose(TRANSPOSE_OF_FLIP[flip]) if flip in TRANSPOSE_OF_FLIP else image


def render_thumbnails(image: Image.Image, *, simulated: bool = False) -> Iterator[tuple[int, bytes]]:
    """Size and JPEG, from the largest to the smallest. Pictures are never enlarged."""
    exif = Image.Exif()
    if simulated or image.info.get("simulated"):
        exif[ExifTags.Base.ImageDescription] = SIMULATED
    for size in reversed(SIZES):
        # Each size is made from the larger one before it, not from the original.
        image = reduce(image, size)
        content = io.BytesIO()
        image.save(content, "JPEG", quality=QUALITY, exif=exif.tobytes() if len(exif) else b"")
        yield size, content.getvalue()


def reduce(image: Image.Image, size: int) -> Image.Image:
    if max(image.size) <= size:
        return image
    scale = size / max(image.size)
    wanted = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    return image.resize(wanted, Image.Resampling.HAMMING, reducing_gap=2.0)
