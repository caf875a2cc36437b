"""What the API reads and writes: JSON alone."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from rest_framework.exceptions import ParseError
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser, JSONParser

MOST_DEEP = 50
TOO_DEEP = f"The JSON is nested too deeply: at most {MOST_DEEP} lists and objects may stand in each other."
UNSTORABLE = re.compile("[\0\ud800-\udfff]")


class JsonParser(JSONParser):
    def parse(self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None) -> Any:
        """ParseError also for what is JSON but cannot be stored: NUL, half characters, a thousand brackets."""
        try:
            content = super().parse(stream, media_type, dict(parser_context or {}))
        except RecursionError:
            raise ParseError(TOO_DEEP) from None
        if any(UNSTORABLE.search(text) for text in _texts(content)):
            raise ParseError("A text holds NUL or half a character, which cannot be stored.")
        return content


def _texts(content: Any) -> Iterator[str]:
    """Keys too. Without recursion, which would take a step of each level for each text. ParseError."""
    waiting = [(content, 0)]
    while waiting:
        value, depth = waiting.pop()
        if depth > MOST_DEEP:
            raise ParseError(TOO_DEEP)
        if isinstance(value, str):
            yield value
        elif isinstance(value, dict):
            waiting += [(one, depth + 1) for pair in value.items() for one in pair]
        elif isinstance(value, list):
            waiting += [(one, depth + 1) for one in value]


class JsonAlways(BaseContentNegotiation):
    """The API speaks JSON whatever is asked for, and pictures where it has pictures."""

    def select_parser(self, request: Any, parsers: Any) -> BaseParser | None:
        """The one parser, for JSON or for a body whose type is not given."""
        base = (request.content_type or "application/json").partition(";")[0].strip().lower()
        return next((parser for parser in parsers if parser.media_type == base), None)

    def select_renderer(self, request: Any, renderers: Any, format_suffix: Any = None) -> Any:
        return renderers[0], renderers[0].media_type
