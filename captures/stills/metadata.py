"""The facts of a capture as EXIF data and as XMP, which also has those that EXIF has no tag for.
docs/operating/file-formats.md lists the properties of our own namespace."""

from __future__ import annotations

import json
from fractions import Fraction
from xml.sax.saxutils import quoteattr

from PIL import ExifTags, Image
from PIL.TiffImagePlugin import IFDRational

from captures.stills.facts import StillFacts, ascii_text
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
