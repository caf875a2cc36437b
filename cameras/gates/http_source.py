"""The answer of an HTTP address as the source of a gate. Django-free."""

from __future__ import annotations

import json
from collections.abc import Mapping

from cameras.gates.gate import Reading
from cameras.gates.sources import LONGEST_BYTES, text_reading
from core.outgoing import OutgoingGuard
from core.outgoing_request import RequestFailed, get


class HttpSource:
    """One GET for each reading, with a deadline for all of it. The guard checks the address each time. No redirect is
    followed: it could lead to an address that the operator did not name."""

    def __init__(
        self, url: str, path: str, headers: Mapping[str, str], deadline_s: float, guard: OutgoingGuard
    ) -> None:
        """`path` leads to the value in a JSON answer, as `a.b.0`; if it is empty, the answer is the value."""
        self._url, self._path, self._headers = url, path, headers
        self._deadline_s, self._guard = deadline_s, guard

    def read(self) -> Reading:
        try:
            content = get(self._url, self._headers, self._deadline_s, self._guard, LONGEST_BYTES)
        except RequestFailed as error:
            return Reading(None, str(error))
        found = text_reading(content, "The answer")
        return value_at(found.value, self._path) if self._path and isinstance(found.value, str) else found


def value_at(text: str, path: str) -> Reading:
    """The value at `a.b.0` in a JSON text: names of members, and places in lists."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return Reading(None, "The answer is not JSON.")
    for name in path.split("."):
        try:
            found = found[int(name)] if isinstance(found, list) else found[name]
        except (KeyError, IndexError, ValueError, TypeError):
            return Reading(None, f"The answer has no value at {path}.")
    # Before the numbers: a truth value is one of them.
    if isinstance(found, bool):
        return Reading("true" if found else "false")
    # As a text: the gate compares it with numbers or with words, and refuses what is no number.
    if isinstance(found, int | float | str):
        return Reading(str(found))
    return Reading(None, f"The answer has neither a number nor a text at {path}.")
