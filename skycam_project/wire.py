"""What the API reads and writes: JSON alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rest_framework.exceptions import ParseError
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser, JSONParser


class JsonParser(JSONParser):
    def parse(self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None) -> Any:
        """ParseError also for what is JSON but cannot be stored: NUL, half characters, a thousand brackets."""
        try:
            content = super().parse(stream, media_type, dict(parser_context or {}))
            storable = all(_storable(text) for text in _texts(content))
        except RecursionError:
            raise ParseError("The JSON is nested too deeply.") from None
        if not storable:
            raise ParseError("A text holds NUL or half a character, which cannot be stored.")
        return content


def _texts(content: Any) -> Iterator[str]:
    if isinstance(content, str):
        yield content
    elif isinstance(content, dict):
        for key, value in content.items():
            yield key
            yield from _texts(value)
    elif isinstance(content, list):
        for value in content:
            yield from _texts(value)


def _storable(text: str) -> bool:
    return "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)


class JsonAlways(BaseContentNegotiation):
    """The API speaks JSON whatever is asked for, and pictures where it has pictures."""

    def select_parser(self, request: Any, parsers: Any) -> BaseParser | None:
        """The one parser, for JSON or for a body whose type is not given."""
        base = (request.content_type or "application/json").partition(";")[0].strip().lower()
        return next((parser for parser in parsers if parser.media_type == base), None)

    def select_renderer(self, request: Any, renderers: Any, format_suffix: Any = None) -> Any:
        return renderers[0], renderers[0].media_type
