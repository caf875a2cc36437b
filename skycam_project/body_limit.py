"""Requests that are refused before Django sees them: the responses, and the limit of 1 MiB for bodies. Larger bodies
are refused before they are read; no page accepts uploads. The service part has responses of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpResponse

from core.api.problems import Problem, is_api
from core.limits.refusals import count_refusal

MAX_BODY_BYTES = 1024 * 1024
TOO_LARGE = f"A request's body has at most {MAX_BODY_BYTES} bytes."
TOO_BUSY = "The station is handling too many requests. Try again in a moment."
RETRY = {"Retry-After": "2"}
EarlyResponse = Callable[[str], HttpResponse]
"""Makes a response from the path of the request."""


def too_large(path: str) -> HttpResponse:
    return _answer(path, "too-large", 413, TOO_LARGE, {})


def too_busy(path: str) -> HttpResponse:
    return _answer(path, "too-busy", 503, TOO_BUSY, RETRY)


def _answer(path: str, problem: str, status: int, sentence: str, headers: dict[str, str]) -> HttpResponse:
    if is_api(path):
        return Problem(problem, sentence, headers=headers).response(path)
    return HttpResponse(sentence, status=status, content_type="text/plain; charset=utf-8", headers=headers)


async def send_response(response: HttpResponse, send: Any) -> None:
    """Send it over ASGI and close the connection."""
    headers = [(name.lower().encode(), value.encode()) for name, value in response.items()]
    # Without the close the server would go on reading the rest of a refused body.
    headers += [(b"content-length", str(len(response.content)).encode()), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": response.status_code, "headers": headers})
    await send({"type": "http.response.body", "body": response.content})


# Otherwise as many bodies as connections are allowed could fill the memory at the same time.
MAX_TOTAL_BYTES = 64 * MAX_BODY_BYTES


class BodyLimit:
    """ASGI middleware: reads the whole body before the application begins, so that a slow client holds no thread.

    It refuses a body above MAX_BODY_BYTES, also one without a length. All bodies that are being read together take at
    most MAX_TOTAL_BYTES. Runs in one event loop.
    """

    def __init__(self, application: Any, large: EarlyResponse = too_large, busy: EarlyResponse = too_busy) -> None:
        self.application = application
        self.large, self.busy = large, busy
        self._held_bytes = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        # The header may be missing or too low, so `_read` counts again.
        if _length(scope) > MAX_BODY_BYTES:
            await send_response(self.large(scope["path"]), send)
            return
        body = bytearray()
        try:
            refusal, left = await self._read(body, receive)
        # Also when the server cancels the request: bytes that stayed counted would in the end refuse every body.
        finally:
            self._held_bytes -= len(body)
        if refusal:
            await send_response(refusal(scope["path"]), send)
        else:
            # A disconnect comes before the body, so that the application does not take a truncated body for a complete
            # one.
            await self.application(scope, _Replay([*left, message_of(body)], receive), send)

    async def _read(self, body: bytearray, receive: Any) -> tuple[EarlyResponse | None, list[Any]]:
        """Read into `body`. Returns a refusal or None, and the messages to replay first, such as a disconnect."""
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return None, [message]
            piece = message.get("body", b"")
            if len(body) + len(piece) > MAX_BODY_BYTES:
                return self.large, []
            if self._held_bytes + len(piece) > MAX_TOTAL_BYTES:
                count_refusal("bodies")
                return self.busy, []
            body += piece
            self._held_bytes += len(piece)
            if not message.get("more_body"):
                return None, []


def message_of(body: bytearray) -> dict[str, Any]:
    return {"type": "http.request", "body": bytes(body), "more_body": False}


class _Replay:
    """A `receive` that first replays messages that were read already."""

    def __init__(self, first: list[Any], receive: Any) -> None:
        self._first = first
        self._receive = receive

    async def __call__(self) -> Any:
        return self._first.pop(0) if self._first else await self._receive()


def _length(scope: Any) -> int:
    found = dict(scope["headers"]).get(b"content-length", b"0")
    return int(found) if found.isdigit() else 0
