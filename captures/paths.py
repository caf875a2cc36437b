"""Names and folders of files: templates of names, and the night to which a moment belongs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from datetime import time as time_of_day
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

DEFAULT_TEMPLATE = "{camera}_{time}_{id}"
MAX_LENGTH = 200
"""Of a name without its ending. File systems allow 255 bytes."""
LONGEST_FIELDS = {"camera": 40, "time": 19, "sequence": 10, "exposure": 20, "id": 36, "id12": 12}
"""Field -> the characters that it has at most."""
FIELDS_TEXT = ", ".join(f"{{{name}}}" for name in LONGEST_FIELDS)
FIELD = re.compile(r"\{([^{}]*)\}")
LITERAL = re.compile(r"[A-Za-z0-9._-]*\Z")
SEPARATOR = re.compile(r"[._-]")
NO_SESSION = "single"
UNKNOWN_EXPOSURE = "default"
UNITS = ((1_000_000, "s"), (1000, "ms"), (1, "us"))


@dataclass(frozen=True, slots=True)
class PictureName:
    """What a name is made of. `index` is the capture's number in its session, from 0; None without a session.
    `exposure_us` is the requested time, known before the shutter opens; None when the camera's own setting is used."""

    camera: str
    capture: str
    at: datetime
    index: int | None = None
    exposure_us: int | None = None

    def fields(self) -> dict[str, str]:
        return {
            "camera": self.camera,
            "time": time_text(self.at),
            "sequence": NO_SESSION if self.index is None else f"{self.index:06}",
            "exposure": exposure_text(self.exposure_us),
            "id": self.capture,
            "id12": self.capture[-12:],
        }


class FileNameTemplate:
    """Fields in braces, and literal letters, digits, dots, hyphens and underscores. Two names that have the same
    fields have the same capture: each field ends at a separator or has a fixed length."""

    def __init__(self, text: str) -> None:
        """ValueError with a sentence that says what is allowed."""
        check_template(text)
        self.text = text

    def name(self, picture: PictureName) -> str:
        """The file's name without its ending."""
        fields = picture.fields()
        return FIELD.sub(lambda found: fields[found[1]], self.text)


def check_template(text: str) -> str:
    """The text, if it is a template. ValueError."""
    # A pattern with one group: the text between the fields has even places, the names of the fields have odd ones.
    pieces = FIELD.split(text)
    literals, names = pieces[::2], pieces[1::2]
    unknown = [name for name in names if name not in LONGEST_FIELDS]
    if unknown:
        raise ValueError(f"{{{unknown[0]}}} is not a field; the fields are {FIELDS_TEXT}.")
    if not all(LITERAL.match(literal) for literal in literals):
        raise ValueError(
            f"a name has the fields {FIELDS_TEXT}, and between them only letters, digits, dots, hyphens and "
            "underscores; the folder is not part of it."
        )
    if not {"id", "id12"} & set(names):
        raise ValueError("{id} or {id12} is missing; without the capture's id, two pictures could have one name.")
    if literals[0].startswith((".", "-")):
        raise ValueError("a name begins with a letter, a digit, an underscore or a field; dots hide files.")
    if any(not SEPARATOR.search(between) for between in literals[1:-1]):
        raise ValueError("put a dot, a hyphen or an underscore between two fields; 12 and 34 would read as 1234.")
    if (longest := longest_name(literals, names)) > MAX_LENGTH:
        raise ValueError(f"names could have {longest} characters; the limit is {MAX_LENGTH}.")
    return text


def longest_name(literals: list[str], names: list[str]) -> int:
    return sum(map(len, literals)) + sum(LONGEST_FIELDS[name] for name in names)


def time_text(at: datetime) -> str:
    """`YYYYMMDD_HHMMSS_mmm`, in UTC."""
    utc = at.astimezone(UTC)
    return f"{utc:%Y%m%d_%H%M%S}_{utc.microsecond // 1000:03}"


def exposure_text(exposure_us: float | None) -> str:
    """In the largest unit that needs no fraction: 8s, 250ms, 125us."""
    if exposure_us is None:
        return UNKNOWN_EXPOSURE
    whole = round(exposure_us)
    size, unit = next((size, unit) for size, unit in UNITS if whole % size == 0)
    return f"{whole // size}{unit}"


class ImageOrganizer:
    """`captures/<camera>/YYYY/MM/DD/raw/<name>`: the folder has the date of the night, and the name is that of the
    template, by default `<camera>_YYYYMMDD_HHMMSS_mmm_<id>` with the time in UTC."""

    def __init__(self, slug: str, site: Site, template: str = DEFAULT_TEMPLATE) -> None:
        """ValueError for an invalid template."""
        self.slug, self.site, self._template = slug, site, FileNameTemplate(template)

    def folder(self, at: datetime) -> str:
        return f"captures/{self.slug}/{night_of(at, self.site):%Y/%m/%d}/raw"

    def path(
        self, capture: str, at: datetime, name: str = "", *, index: int | None = None, exposure_us: int | None = None
    ) -> str:
        """The path without the file's suffix. With a `name`, the file is named by it and the time only; otherwise by
        the template, whose fields the other arguments fill (`PictureName`)."""
        if name:
            return f"{self.folder(at)}/{name}_{time_text(at)}"
        return f"{self.folder(at)}/{self._template.name(PictureName(self.slug, capture, at, index, exposure_us))}"

    def clip(self, clip: str, at: datetime) -> str:
        """`clips/<camera>/YYYY/MM/DD/<camera>_YYYYMMDD_HHMMSS_mmm_<id>.mp4`, by the time of its first frame."""
        name = f"{self.slug}_{time_text(at)}_{clip}.mp4"
        return f"clips/{self.slug}/{night_of(at, self.site):%Y/%m/%d}/{name}"


NOON = time_of_day(12)
EVENING = time_of_day(18)
"""Local mean time. The civil date at this time names the night."""


@dataclass(frozen=True, slots=True)
class Site:
    """The station's location: degrees north and east, and the IANA name of its time zone."""

    latitude: float | None = None
    longitude: float | None = None
    time_zone: str | None = None

    @property
    def has_nights(self) -> bool:
        """False without a longitude: a night is then a calendar day."""
        return self.longitude is not None


def night_of(time: datetime, site: Site) -> date:
    """The night that `time` (aware) belongs to, named by the local date of the evening on which it began.

    With a longitude, a night runs from one local mean noon to the next. Without one, it is the local date. Local means
    `site.time_zone`, else the longitude's mean time, else the machine's zone.
    """
    if site.longitude is None:
        return time.astimezone(_zone(site)).date()
    ahead = timedelta(hours=site.longitude / 15)
    named = (time.astimezone(UTC) + ahead - timedelta(hours=12)).date()
    if site.time_zone is None:
        return named
    # The clocks of the zone may show another date than the local mean time, so the zone names the evening.
    evening = datetime.combine(named, EVENING, UTC) - ahead
    return evening.astimezone(_zone(site)).date()


def night_range(night: date, site: Site) -> tuple[datetime, datetime]:
    """Begin (inclusive) and end (exclusive) of `night`, in UTC: the times for which `night_of` returns it.

    Both are equal for a date that the local clocks skipped. OverflowError beyond the calendar.
    """
    if site.longitude is None:
        return _midnight(night, site), _midnight(night + timedelta(days=1), site)
    noon = datetime.combine(night, NOON, UTC) - timedelta(hours=site.longitude / 15)
    # Where the zone's date differs from that of the mean time, the night of this name begins a day earlier or later.
    for shift in (timedelta(0), timedelta(days=-1), timedelta(days=1)):
        if night_of(noon + shift, site) == night:
            return noon + shift, noon + shift + timedelta(days=1)
    return noon, noon


def _midnight(day: date, site: Site) -> datetime:
    zone = _zone(site)
    naive = datetime.combine(day, time_of_day())
    return (naive.replace(tzinfo=zone) if zone else naive).astimezone(UTC)


def _zone(site: Site) -> ZoneInfo | None:
    """None: the machine's own zone."""
    if site.time_zone is None:
        return None
    try:
        return ZoneInfo(site.time_zone)
    except (ZoneInfoNotFoundError, ValueError):
        return None
