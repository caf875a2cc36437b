"""Encodes frames in the formats that a camera can keep; `image` is as in `FrameData`. The facts of a capture are
written as EXIF data and as XMP, which also has those that EXIF has no tag for (docs/operating/file-formats.md)."""

from __future__ import annotations

import json
import sys
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, NamedTuple
from xml.sax.saxutils import quoteattr

import numpy as np
from PIL import ExifTags, Image
from PIL.ExifTags import Base
from PIL.TiffImagePlugin import IFDRational

from cameras.drivers.base import Pixels
from cameras.spool.durable import Chunk
from captures.stills.facts import StillFacts, ascii_text
from captures.stills.fits import fits_chunks
from captures.thumbnails.rendering import SIMULATED


def exif_of(facts: StillFacts) -> Image.Exif:
    """The EXIF of one capture. Its times are UTC. Texts are ASCII; XMP has them as they are."""
    exif = Image.Exif()
    started = facts.started
    exif[ExifTags.Base.Make] = ascii_text(facts.vendor)
    exif[ExifTags.Base.Model] = ascii_text(facts.model)
    exif[ExifTags.Base.Software] = facts.software
    exif[ExifTags.Base.ImageDescription] = SIMULATED if facts.simulated else f"Camera {facts.camera}"
    exif[ExifTags.Base.DateTime] = f"{started:%Y:%m:%d %H:%M:%S}"
    details = exif.get_ifd(ExifTags.IFD.Exif)
    details[ExifTags.Base.ExifVersion] = b"0232"
    details[ExifTags.Base.DateTimeOriginal] = f"{started:%Y:%m:%d %H:%M:%S}"
    details[ExifTags.Base.SubsecTimeOriginal] = f"{started.microsecond // 1000:03}"
    details[ExifTags.Base.OffsetTimeOriginal] = "+00:00"
    if facts.exposure_s:
        shutter = Fraction(facts.exposure_s).limit_denominator(1_000_000)
        details[ExifTags.Base.ExposureTime] = IFDRational(shutter.numerator, shutter.denominator)
    if facts.f_number:
        details[ExifTags.Base.FNumber] = IFDRational(round(facts.f_number * 100), 100)
    if facts.iso is not None:
        # The tag has 16 bits; XMP has the value.
        details[ExifTags.Base.ISOSpeedRatings] = min(round(facts.iso), 0xFFFF)
    if facts.serial:
        details[ExifTags.Base.BodySerialNumber] = ascii_text(facts.serial)
    # EXIF wants the character set in the first eight bytes.
    details[ExifTags.Base.UserComment] = b"ASCII\0\0\0" + json.dumps(_note(facts)).encode()
    _add_place(exif, facts)
    return exif


def _note(facts: StillFacts) -> dict[str, object]:
    """What EXIF has no tag for."""
    return {
        "capture": facts.capture, "camera": facts.camera, "simulated": facts.simulated, "gain": facts.gain,
        "temperature_celsius": facts.temperature_celsius, **facts.clock,
    }  # fmt: skip


def _add_place(exif: Image.Exif, facts: StillFacts) -> None:
    latitude, longitude, elevation = facts.place
    if latitude is None or longitude is None:
        return
    place = exif.get_ifd(ExifTags.IFD.GPSInfo)
    place[ExifTags.GPS.GPSVersionID] = b"\2\3\0\0"
    place[ExifTags.GPS.GPSMapDatum] = "WGS-84"
    place[ExifTags.GPS.GPSLatitudeRef] = "N" if latitude >= 0 else "S"
    place[ExifTags.GPS.GPSLatitude] = sexagesimal(latitude)
    place[ExifTags.GPS.GPSLongitudeRef] = "E" if longitude >= 0 else "W"
    place[ExifTags.GPS.GPSLongitude] = sexagesimal(longitude)
    if elevation is not None:
        place[ExifTags.GPS.GPSAltitudeRef] = b"\0" if elevation >= 0 else b"\1"
        place[ExifTags.GPS.GPSAltitude] = IFDRational(round(abs(elevation) * 100), 100)


def sexagesimal(degrees: float) -> tuple[IFDRational, IFDRational, IFDRational]:
    """Degrees, minutes and seconds of the absolute value, to 0.0001 seconds: 3 mm."""
    # As whole numbers: 59.99999 seconds must not become 60.
    minutes, seconds = divmod(round(abs(degrees) * 36_000_000), 600_000)
    return IFDRational(minutes // 60), IFDRational(minutes % 60), IFDRational(seconds, 10_000)


NAMESPACES = {
    "exif": "http://ns.adobe.com/exif/1.0/",
    "exifEX": "http://cipa.jp/exif/1.0/",
    "skycam": "urn:skycam:xmp:1.0/",
    "tiff": "http://ns.adobe.com/tiff/1.0/",
    "xmp": "http://ns.adobe.com/xap/1.0/",
}
"""Prefix -> namespace."""
PACKET_HEAD = '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
PACKET_TAIL = '<?xpacket end="r"?>'


def xmp_of(facts: StillFacts) -> bytes:
    """The packet, UTF-8. A fact that is unknown has no attribute."""
    spaces = " ".join(f"xmlns:{prefix}={quoteattr(name)}" for prefix, name in NAMESPACES.items())
    known = {name: str(value) for name, value in _attributes(facts).items() if value not in (None, "")}
    attributes = " ".join(f"{name}={quoteattr(value)}" for name, value in known.items())
    packet = (
        f'{PACKET_HEAD}<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        f'<rdf:Description rdf:about="" {spaces} {attributes}/></rdf:RDF></x:xmpmeta>{PACKET_TAIL}'
    )
    return packet.encode()


def _attributes(facts: StillFacts) -> dict[str, object]:
    clock = facts.clock
    latitude, longitude, elevation = facts.place
    return {
        "xmp:CreatorTool": facts.software,
        "xmp:CreateDate": xmp_timestamp(facts),
        "tiff:Make": facts.vendor,
        "tiff:Model": facts.model,
        "exif:DateTimeOriginal": xmp_timestamp(facts),
        "exif:ExposureTime": None if facts.exposure_s is None else rational(facts.exposure_s),
        "exif:FNumber": None if facts.f_number is None else rational(facts.f_number),
        "exif:GPSLatitude": None if latitude is None else coordinate(latitude, "NS"),
        "exif:GPSLongitude": None if longitude is None else coordinate(longitude, "EW"),
        "exif:GPSAltitude": None if elevation is None else rational(abs(elevation)),
        "exif:GPSAltitudeRef": None if elevation is None else int(elevation < 0),
        "exifEX:PhotographicSensitivity": facts.iso,
        "exifEX:BodySerialNumber": facts.serial,
        "skycam:Capture": facts.capture,
        "skycam:Camera": facts.camera,
        "skycam:Simulated": str(facts.simulated),
        "skycam:Gain": facts.gain,
        "skycam:TemperatureCelsius": facts.temperature_celsius,
        "skycam:Clock": clock["clock"],
        "skycam:ClockOffsetSeconds": clock["clock_offset_s"],
        "skycam:ClockErrorSeconds": clock["clock_error_s"],
        "skycam:ClockJumpedSeconds": clock["clock_jumped_s"],
    }


def xmp_timestamp(facts: StillFacts) -> str:
    return f"{facts.started:%Y-%m-%dT%H:%M:%S.%f}Z"


def rational(value: float) -> str:
    """XMP has numbers of EXIF as fractions."""
    return f"{round(value * 1_000_000)}/1000000"


def coordinate(degrees: float | None, directions: str) -> str:
    """`DDD,MM.mmmmmmk`: degrees, minutes, and the direction."""
    assert degrees is not None
    whole, minutes = divmod(round(abs(degrees) * 60_000_000), 60_000_000)
    return f"{whole},{minutes / 1e6:.6f}{directions[degrees < 0]}"


JPEG_QUALITY = 95
SOI = b"\xff\xd8"
XMP_OF_JPEG = b"http://ns.adobe.com/xap/1.0/\0"
EXIF_HEAD = b"Exif\0\0"
PNG_BEGIN_BYTES = 33
"""Signature and IHDR, which comes first."""
UNCOMPRESSED, BLACK_IS_ZERO, RGB, INTERLEAVED = 1, 1, 2, 1
"""Values of TIFF tags."""
XMP_OF_PNG = b"XML:com.adobe.xmp\0\0\0\0\0"
"""Keyword, no compression, no language, no translated keyword."""


@dataclass(slots=True)
class Encoding:
    """How a frame is encoded, and the sentences about what a format could not hold."""

    facts: StillFacts
    jpeg_quality: int = JPEG_QUALITY
    fits_compression: str = "none"
    warnings: list[str] = field(default_factory=list)


def jpeg_chunks(image: Pixels, encoding: Encoding) -> list[Chunk]:
    exif = _segment(exif_of(encoding.facts).tobytes())
    xmp = _segment(XMP_OF_JPEG + xmp_of(encoding.facts))
    jpeg = memoryview(encode_jpeg(image, encoding.jpeg_quality)).cast("B")
    if jpeg[:2] != SOI:
        raise ValueError("The data is not a JPEG.")
    # The metadata come first; the picture itself is not copied.
    return [SOI + exif + xmp, jpeg[2:]]


def _segment(content: bytes) -> bytes:
    """An APP1 segment."""
    return b"\xff\xe1" + (len(content) + 2).to_bytes(2, "big") + content


def png_chunks(image: Pixels, encoding: Encoding) -> list[Chunk]:
    png = memoryview(_encode(".png", image, [])).cast("B")
    exif = _png_chunk(b"eXIf", exif_of(encoding.facts).tobytes().removeprefix(EXIF_HEAD))
    xmp = _png_chunk(b"iTXt", XMP_OF_PNG + xmp_of(encoding.facts))
    return [png[:PNG_BEGIN_BYTES], exif + xmp, png[PNG_BEGIN_BYTES:]]


def _png_chunk(kind: bytes, content: bytes) -> bytes:
    return len(content).to_bytes(4, "big") + kind + content + zlib.crc32(kind + content).to_bytes(4, "big")


def tiff_chunks(image: Pixels, encoding: Encoding) -> list[Chunk]:
    """An uncompressed TIFF. A block of EXIF is a TIFF without pixels, so it becomes the head; the pixels follow as they
    are in memory."""
    channels = 3 if image.ndim == 3 else 1
    exif = exif_of(encoding.facts)
    exif.endian = "<" if sys.byteorder == "little" else ">"
    tags = {
        Base.ImageWidth: image.shape[1],
        Base.ImageLength: image.shape[0],
        Base.BitsPerSample: (8 * image.itemsize,) * channels,
        Base.Compression: UNCOMPRESSED,
        Base.PhotometricInterpretation: RGB if channels == 3 else BLACK_IS_ZERO,
        Base.SamplesPerPixel: channels,
        Base.RowsPerStrip: image.shape[0],
        Base.StripByteCounts: image.nbytes,
        Base.PlanarConfiguration: INTERLEAVED,
        Base.XMLPacket: xmp_of(encoding.facts),
        # Pillow adds the length of the head.
        Base.StripOffsets: 0,
    }
    for tag, value in tags.items():
        exif[tag] = value
    pixels: Any = image
    return [exif.tobytes().removeprefix(EXIF_HEAD), memoryview(pixels).cast("B")]


def fits_file_chunks(image: Pixels, encoding: Encoding) -> list[Chunk]:
    return fits_chunks(image, encoding.facts, encoding.fits_compression, encoding.warnings.append)


class Format(NamedTuple):
    suffix: str
    encode: Callable[[Pixels, Encoding], list[Chunk]]


FORMATS = {
    "jpeg": Format(".jpg", jpeg_chunks),
    "png": Format(".png", png_chunks),
    "tiff": Format(".tif", tiff_chunks),
    "fits": Format(".fits", fits_file_chunks),
}
"""The formats of `cameras.runtime.file_formats.KEEP_FORMATS`."""


def encode_jpeg(image: Any, quality: int = JPEG_QUALITY) -> Any:
    """JPEG bytes (a uint8 buffer) of an RGB (height, width, 3) or mono (height, width) image.

    uint16 is reduced to uint8 by dropping the lower byte. ValueError for another shape.
    """
    import cv2

    if image.dtype == np.uint16:
        # Into 8 bits at once: another frame of 16 bits in between would be 144 MB of 24 megapixels.
        image = np.right_shift(image, 8, out=np.empty(image.shape, np.uint8), casting="unsafe")
    return _encode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])


def _encode(suffix: str, image: Any, options: list[int]) -> Any:
    """A uint8 buffer. ValueError for another shape."""
    import cv2

    if image.ndim == 3:
        # OpenCV takes BGR: red and blue would be exchanged.
        image = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    elif image.ndim != 2:
        raise ValueError(f"A picture of shape {image.shape} cannot be encoded.")
    done, encoded = cv2.imencode(suffix, image, options)
    if not done:
        raise ValueError(f"OpenCV cannot encode the picture as {suffix}.")
    return encoded


def jpeg_size(head: bytes) -> tuple[int, int] | None:
    """Width and height from the beginning of a JPEG; None when `head` does not contain them."""
    import io

    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(head), formats=["JPEG"]) as image:
            return image.size
    except (UnidentifiedImageError, OSError):
        return None
