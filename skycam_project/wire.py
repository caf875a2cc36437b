"""Bodies of requests to the API: JSON alone, at most 1 MiB, refused before they are read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from rest_framework.exceptions import ParseError
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser, JSONParser

from skycam_project.access.problems import Problem

MOST_BYTES = 1024 * 1024
TOO_LARGE = Problem("too-large", f"The API takes bodies of at most {MOST_BYTES} bytes.")


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


class BodyLimit:
    """ASGI: refuses bodies above MOST_BYTES under /api/ before Django reads them, also those without a length."""

    prefix: ClassVar[str] = "/api/"

    def __init__(self, application: Any) -> None:
        self.application = application

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(self.prefix):
            await self.application(scope, receive, send)
        elif _length(scope) > MOST_BYTES:
            await _refuse(scope, send)
        else:
            counted = _Counted(receive)
            await self.application(scope, counted, send)
            if counted.exceeded:
                await _refuse(scope, send)


class _Counted:
    """`receive` that hangs up on Django when a body without a length has become too long."""

    def __init__(self, receive: Any) -> None:
        self._receive = receive
        self._bytes = 0
        self.exceeded = False

    async def __call__(self) -> Any:
        message = await self._receive()
        self._bytes += len(message.get("body", b""))
        if self._bytes <= MOST_BYTES:
            return message
        self.exceeded = True
        return {"type": "http.disconnect"}


def _length(scope: Any) -> int:
    found = dict(scope["headers"]).get(b"content-length", b"0")
    return int(found) if found.isdigit() else 0


async def _refuse(scope: Any, send: Any) -> None:
    response = TOO_LARGE.response(scope["path"])
    headers = [(name.lower().encode(), value.encode()) for name, value in response.items()]
    headers += [(b"content-length", str(len(response.content)).encode()), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": response.status_code, "headers": headers})
    await send({"type": "http.response.body", "body": response.content})
