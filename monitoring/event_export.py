"""Events as the lines of a file: CSV and JSON lines."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from core.events.answers import EventBody, event_body
from core.events.models import Event
from core.text.csv_lines import csv_line


def csv_lines(events: Iterable[Event], user: Any) -> Iterator[str]:
    """The lines of a table; `data` is JSON. A text cannot become a formula."""
    yield csv_line(EventBody.model_fields)
    for event in events:
        values = event_body(event, user).values()
        yield csv_line(value if isinstance(value, str) else to_json(value) for value in values)


def json_lines(events: Iterable[Event], user: Any) -> Iterator[str]:
    for event in events:
        yield f"{to_json(event_body(event, user))}\n"


def to_json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


FORMATS: dict[str, tuple[str, Callable[[Iterable[Event], Any], Iterator[str]]]] = {
    "csv": ("text/csv; charset=utf-8", csv_lines),
    "jsonl": ("application/x-ndjson", json_lines),
}
"""The end of a file's name -> the content type and the function that makes its lines."""
