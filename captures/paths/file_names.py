"""`FileNameTemplate`: the template of the configuration key `file_names`. Django-free."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime

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
