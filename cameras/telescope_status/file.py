"""A file that the observatory's own program writes: JSON, or lines of a name and a value. Django-free."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from cameras.gates.sources import FileSource
from cameras.telescope_status.sources import SourceContext, SourceSettings, StatusSource
from cameras.telescope_status.status import (
    LIMITS,
    TEXT_LENGTH,
    TelescopeStatus,
    join_sentences,
    read_value,
    with_sidereal_time,
)

FIELDS = {
    **{name: name for name in LIMITS},
    "tele-ra": "ra",
    "tele-dec": "dec",
    "filter_name": "filter_name",
    "filterna": "filter_name",
    "filter_id": "filter_id",
    "filterid": "filter_id",
    "is_slewing": "is_slewing",
    "is_adjusting": "is_adjusting",
}
"""Name in the file -> field of the status. Header words are accepted as well; other names are ignored."""
TRUTH_VALUES = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
LINE = re.compile(r"([\w-]{1,40})\s*(?:[=:]\s*|\s)(.*)", re.ASCII)
NOT_STATED = frozenset({"", "unknown", "null", "none"})
"""Values by which a program says that it does not know."""


def check_path(path: str) -> str:
    if not Path(path).is_absolute() or not path.isprintable():
        raise ValueError("must be a path that begins with /.")
    return path


class FileSettings(SourceSettings):
    path: Annotated[str, Field(max_length=1000), AfterValidator(check_path)]
    max_age_s: float = Field(default=60.0, gt=0, le=86_400)
    """Seconds since the file was written. If it is older, all is unknown."""


class StatusFileSource(StatusSource):
    """The path comes from the station's configuration, as that of a gate: any file that the station may read."""

    Settings = FileSettings

    def __init__(self, settings: FileSettings, context: SourceContext) -> None:
        super().__init__(settings, context)
        self._file = FileSource(Path(settings.path), settings.max_age_s, self.now)

    def read(self, deadline: float) -> TelescopeStatus:
        found, at = self._file.read(), self.now()
        if not isinstance(found.value, str):
            status = TelescopeStatus(at, problem=f"The telescope's status is unknown. {found.error}")
        else:
            status = parse_status(found.value, at)
        return with_sidereal_time(status, self.context.site.longitude)


def parse_status(text: str, at: float) -> TelescopeStatus:
    """The status in the text of a file, observed `at` (seconds since 1970). Each value that is not valid is unknown,
    with a sentence."""
    try:
        pairs = _pairs_of(text)
    except ValueError as error:
        return TelescopeStatus(at, problem=f"The telescope's status is unknown. {error}")
    given: dict[str, list[str]] = {}
    for name, value in pairs:
        if name in FIELDS and value.strip().casefold() not in NOT_STATED:
            given.setdefault(FIELDS[name], []).append(value.strip())
    values, problems = {}, []
    for name, texts in given.items():
        values[name], problem = _read_field(name, texts)
        problems.append(problem)
    return TelescopeStatus(at, **values, problem=join_sentences(problems))


def _read_field(name: str, texts: list[str]) -> tuple[Any, str]:
    if len(texts) > 1:
        return None, f"The file has {name} {len(texts)} times. Write it once."
    if name in LIMITS:
        return read_value(name, texts[0])
    if name.startswith("is_"):
        truth = TRUTH_VALUES.get(texts[0].casefold())
        return truth, "" if truth is not None else f"{name} is neither true nor false."
    if len(texts[0]) > TEXT_LENGTH or not texts[0].isprintable():
        return None, f"{name} is not valid; allowed are at most {TEXT_LENGTH} printable characters."
    return texts[0], ""


def _pairs_of(text: str) -> list[tuple[str, str]]:
    """Names and values of a file. ValueError with a sentence."""
    return _json_pairs(text) if text.lstrip().startswith(("{", "[")) else _line_pairs(text)


def _json_pairs(text: str) -> list[tuple[str, str]]:
    try:
        # As pairs: of two members with the same name, a dictionary would keep the last.
        document = json.loads(text, object_pairs_hook=list, parse_float=str, parse_int=str, parse_constant=str)
    except (ValueError, RecursionError):
        raise ValueError("The file is not JSON. Write a whole new file, and rename it to the old one.") from None
    if not text.lstrip().startswith("{"):
        raise ValueError("The file's JSON is a list; it must be an object.")
    # Objects and lists inside of it are no values.
    return [(name, _shown(value)) for name, value in document if not isinstance(value, list)]


def _shown(value: Any) -> str:
    return "" if value is None else str(value)


def _line_pairs(text: str) -> list[tuple[str, str]]:
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    return [found.groups() for line in lines if (found := LINE.fullmatch(line))]  # type: ignore[misc]
