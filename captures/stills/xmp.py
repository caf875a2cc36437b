"""The XMP packet of a picture: the facts of EXIF as text, and those that EXIF has no tag for.

docs/operating/file-formats.md lists the properties of our own namespace.
"""

from __future__ import annotations

from xml.sax.saxutils import quoteattr

from captures.stills.facts import StillFacts

NAMESPACES = {
    "exif": "http://ns.adobe.com/exif/1.0/",
    "exifEX": "http://cipa.jp/exif/1.0/",
    "skycam": "urn:skycam:xmp:1.0/",
    "tiff": "http://ns.adobe.com/tiff/1.0/",
    "xmp": "http://ns.adobe.com/xap/1.0/",
}
"""Prefix -> namespace."""
HEAD = '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
TAIL = '<?xpacket end="r"?>'


def xmp_of(facts: StillFacts) -> bytes:
    """The packet, UTF-8. A fact that is unknown has no attribute."""
    spaces = " ".join(f"xmlns:{prefix}={quoteattr(name)}" for prefix, name in NAMESPACES.items())
    known = {name: str(value) for name, value in _attributes(facts).items() if value not in (None, "")}
    attributes = " ".join(f"{name}={quoteattr(value)}" for name, value in known.items())
    packet = (
        f'{HEAD}<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        f'<rdf:Description rdf:about="" {spaces} {attributes}/></rdf:RDF></x:xmpmeta>{TAIL}'
    )
    return packet.encode()


def _attributes(facts: StillFacts) -> dict[str, object]:
    clock = facts.clock
    latitude, longitude, elevation = facts.place
    return {
        "xmp:CreatorTool": facts.software,
        "xmp:CreateDate": timestamp(facts),
        "tiff:Make": facts.vendor,
        "tiff:Model": facts.model,
        "exif:DateTimeOriginal": timestamp(facts),
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


def timestamp(facts: StillFacts) -> str:
    return f"{facts.started:%Y-%m-%dT%H:%M:%S.%f}Z"


def rational(value: float) -> str:
    """XMP has numbers of EXIF as fractions."""
    return f"{round(value * 1_000_000)}/1000000"


def coordinate(degrees: float | None, directions: str) -> str:
    """`DDD,MM.mmmmmmk`: degrees, minutes, and the direction."""
    assert degrees is not None
    whole, minutes = divmod(round(abs(degrees) * 60_000_000), 60_000_000)
    return f"{whole},{minutes / 1e6:.6f}{directions[degrees < 0]}"
