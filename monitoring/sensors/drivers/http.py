"""JSON of a weather station or another device over HTTP. Django-free."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from core.outgoing import OutgoingGuard
from core.outgoing_request import OWN_HEADERS, RequestFailed, get
from monitoring.sensors.driver import Sample, SensorDriver, SensorError, SettingsAt
from monitoring.sensors.values import finite_number, parse_json, parse_sources, samples_of_document, value_at

ANSWER_BYTES = 256 * 1024
HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}")
HEADER_VALUE = re.compile(r"[\x20-\x7e\xa0-\xff]{0,1000}")
OWN = frozenset(name.lower() for name in (*OWN_HEADERS, "Host", "Content-Length", "Transfer-Encoding"))
MILLISECONDS = 1e11
"""Unix times from here on are in milliseconds."""


class HttpSensor(SensorDriver):
    """One GET for each reading. Each path is a channel. The guard checks the address each time, no redirect is
    followed, and certificates are verified."""

    settings_model = SettingsAt("monitoring.sensors.settings.HttpSettings")
    shortest_interval_s = 1.0

    def __init__(self, settings: Mapping[str, Any], guard: OutgoingGuard) -> None:
        super().__init__(settings, guard)
        self._headers = parse_headers(settings["headers"])
        self._sources = parse_sources(settings["values"], "values")
        self._url = with_query(settings["url"], settings["query"])

    def read(self, deadline_s: float) -> list[Sample]:
        where = f"The weather data at {urlsplit(self.settings['url']).hostname}"
        try:
            content = get(self._url, self._headers, deadline_s, self.guard, ANSWER_BYTES)
        except RequestFailed as error:
            message = f"{where} cannot be read. {error} Check `url`, and that the device answers."
            raise SensorError(message, permanent=error.permanent) from error
        if len(content) > ANSWER_BYTES:
            raise SensorError(f"{where} is longer than {ANSWER_BYTES // 1024} kB. Set `url` to a smaller answer.")
        try:
            document = parse_json(content)
        except ValueError as error:
            raise SensorError(f"{where} is no JSON. Set `url` to an address that answers with JSON.") from error
        samples = list(samples_of_document(document, self._sources, self._age_s(document, where)))
        if not samples:
            raise SensorError(f"{where} has a number at none of the paths of `values`. Compare them with the answer.")
        return samples

    def _age_s(self, document: Any, where: str) -> float:
        if not (path := self.settings["time"]):
            return 0.0
        moment = unix_time(value_at(document, path))
        if moment is None:
            raise SensorError(f"{where} has no time at {path}. Set `time` to the path of one, or leave it empty.")
        # A time in the future is of a clock that is wrong: the value is as new as it can be.
        return max(0.0, time.time() - moment)


def with_query(url: str, query: str) -> str:
    parts = urlsplit(url)
    both = "&".join(filter(None, (parts.query, query.removeprefix("?"))))
    return parts._replace(query=both, fragment="").geturl()


def parse_headers(text: str) -> dict[str, str]:
    """ValueError with a sentence that does not hold the text: it may be a secret."""
    try:
        found = parse_json(text) if text else {}
    except ValueError:
        found = None
    if not isinstance(found, dict) or not all(map(is_header, found, found.values())):
        raise ValueError('headers is not valid; allowed is a JSON object of texts, such as {"X-Key": "abc"}.')
    return found


def is_header(name: str, value: Any) -> bool:
    is_ours = name.lower() not in OWN and HEADER_NAME.fullmatch(name)
    return bool(is_ours) and isinstance(value, str) and bool(HEADER_VALUE.fullmatch(value))


def unix_time(value: Any) -> float | None:
    """Seconds since 1970 of a Unix time or an ISO 8601 text; one without a zone is in UTC. None for anything else, and
    for a time before 1970."""
    number = finite_number(value)
    if number is not None:
        seconds = number / 1000 if number >= MILLISECONDS else number
    else:
        try:
            moment = datetime.fromisoformat(value)
            seconds = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
        except (TypeError, ValueError, OverflowError):
            return None
    return seconds if seconds >= 0 else None
