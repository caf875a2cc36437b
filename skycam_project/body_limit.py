"""Limits request bodies to 1 MiB. Larger ones are refused before they are read; no page accepts uploads."""

from __future__ import annotations

from typing import Any

from core.limits.refusals import count_refusal
from skycam_project.early_responses import MAX_BODY_BYTES, EarlyResponse, send_response, too_busy, too_large

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
