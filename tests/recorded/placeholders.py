"""What differs from run to run becomes a placeholder: ids, times, secrets, folders and the figures of this machine."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

TIME = re.compile(r"(?:\d{4}-\d\d-\d\d[T ]|\b\d\d-\d\d )\d\d:\d\d(?::\d\d(?:\.\d+)?)?( ?UTC|Z|[+-]\d\d:\d\d)?")
DATE = re.compile(r"\b\d{4}-\d\d-\d\d\b")
CLOCK = re.compile(r"(?<![:\w])\d\d:\d\d(?::\d\d)?(?![:\w])")
ID = re.compile(r"\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b")
SHORT_ID = re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}\b(?!-)")
STAMP = re.compile(r"\d{8}_\d{6}")
LONG = re.compile(r"x{100,}")
"""A wrong value of the requests."""
CODE = re.compile(r"(?<![\w-])(?:[0-9a-f]{32,128}|(?=[A-Za-z_-]*\d)(?=[^a-z]*[a-z])[\w-]{28,})(?![\w-])")
"""A digest, a token or the key of a cursor."""
FIGURES = frozenset(
    {"id", "user", "token", "free_bytes", "free_disk_space_gb", "duration_s", "moon_phase", "moon_illumination"}
)
"""Keys whose numbers are this machine's or this day's, or those of a sequence of the database."""

OF_SOME_DAYS = frozenset({"moonrise", "moonset"})
"""Keys of times that are null on a day without one."""


class Placeholders:
    """`known` are the ids and folders of rows that have a name. The times in `given` were chosen by the requests, and
    stay as they are."""

    def __init__(self, known: Mapping[str, str], given: str) -> None:
        self._known = sorted(known.items(), key=lambda item: -len(item[0]))
        self._times = {match[0][:16] for match in TIME.finditer(given)}
        self._given = {*DATE.findall(given), *(match[0] for match in CLOCK.finditer(given))}

    def in_text(self, text: str) -> str:
        for value, name in self._known:
            text = text.replace(value, f"<{name}>")
        text = TIME.sub(lambda found: found[0] if found[0][:16] in self._times else f"<time{found[1] or ''}>", text)
        text = DATE.sub(lambda found: self._unless_given(found[0], "<date>"), text)
        text = CLOCK.sub(lambda found: self._unless_given(found[0], "<clock>"), text)
        for pattern, name in (
            (ID, "id"),
            (SHORT_ID, "short id"),
            (STAMP, "stamp"),
            (LONG, "long text"),
            (CODE, "code"),
        ):
            text = pattern.sub(f"<{name}>", text)
        return text

    def in_body(self, value: Any, key: str = "") -> Any:
        """As `in_text`, for each text of a JSON document. `key` is that of the value."""
        if isinstance(value, dict):
            inner = {name: key if key in FIGURES else name for name in value}
            return {self.in_text(name): self.in_body(one, inner[name]) for name, one in value.items()}
        if isinstance(value, list):
            return [self.in_body(one, key) for one in value]
        if key in OF_SOME_DAYS:
            return "<time or null>"
        if isinstance(value, str):
            return self.in_text(value)
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return "<number>" if is_number and key in FIGURES else value

    def _unless_given(self, text: str, placeholder: str) -> str:
        return text if text in self._given else placeholder
