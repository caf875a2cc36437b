"""The API reads and writes only JSON: parser and content negotiation."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from rest_framework.exceptions import ParseError
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser, JSONParser

MAX_DEPTH = 50
TOO_DEEP = f"The JSON is nested too deeply. At most {MAX_DEPTH} levels of lists and objects are allowed."
# PostgreSQL refuses NUL in texts and JSON, and UTF-8 has no encoding for a lone surrogate: a 400 here instead of a 500
# later.
UNSTORABLE = re.compile("[\0\ud800-\udfff]")


class JsonParser(JSONParser):
    def parse(self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None) -> Any:
        """Raises ParseError also for JSON that cannot be stored: NUL, lone surrogates, too deep nesting."""
        try:
            content = super().parse(stream, media_type, dict(parser_context or {}))
        except RecursionError:
            raise ParseError(TOO_DEEP) from None
        if any(UNSTORABLE.search(text) for text in _texts(content)):
            raise ParseError("A text contains NUL or half a character, which cannot be stored.")
        return content


def _texts(content: Any) -> Iterator[str]:
    """All texts, keys included. Iterative: recursive generators would pass each text through each level. Raises
    ParseError."""
    waiting = [(content, 0)]
    while waiting:
        value, depth = waiting.pop()
        if depth > MAX_DEPTH:
            raise ParseError(TOO_DEEP)
        if isinstance(value, str):
            yield value
        elif isinstance(value, dict):
            waiting += [(one, depth + 1) for pair in value.items() for one in pair]
        elif isinstance(value, list):
            waiting += [(one, depth + 1) for one in value]


class JsonNegotiation(BaseContentNegotiation):
    """Answers with JSON for any Accept header; views of images answer with the image."""

    def select_parser(self, request: Any, parsers: Any) -> BaseParser | None:
        """The JSON parser, for JSON or a body without a content type; None for other types."""
        base = (request.content_type or "application/json").partition(";")[0].strip().lower()
        return next((parser for parser in parsers if parser.media_type == base), None)

    def select_renderer(self, request: Any, renderers: Any, format_suffix: Any = None) -> Any:
        return renderers[0], renderers[0].media_type  # DRF's own negotiation would answer 406
