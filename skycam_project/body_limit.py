"""Bodies of requests are at most 1 MiB, and larger ones are refused before they are read: no page takes files."""

from __future__ import annotations

from typing import Any

from core.refusals import count_refusal
from skycam_project.early_answers import MOST_BODY_BYTES, EarlyAnswer, send_answer, too_busy, too_large

MOST_IN_ALL_BYTES = 64 * MOST_BODY_BYTES


class BodyLimit:
    """ASGI: reads a body whole before the application begins, so that a slow client holds no thread, and refuses one
    above MOST_BODY_BYTES, also one without a length. All that are being read take at most MOST_IN_ALL_BYTES.

    Runs in one event loop.
    """

    def __init__(self, application: Any, large: EarlyAnswer = too_large, busy: EarlyAnswer = too_busy) -> None:
        self.application = application
        self.large, self.busy = large, busy
        self._held_bytes = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if _length(scope) > MOST_BODY_BYTES:
            await send_answer(self.large(scope["path"]), send)
            return
        body = bytearray()
        try:
            refusal, left = await self._read(body, receive)
        finally:
            self._held_bytes -= len(body)
        if refusal:
            await send_answer(refusal(scope["path"]), send)
        else:
            await self.application(scope, _Replay([*left, message_of(body)], receive), send)

    async def _read(self, body: bytearray, receive: Any) -> tuple[EarlyAnswer | None, list[Any]]:
        """All of it into `body`. What refuses it, if anything; and what comes before it: that its client has left."""
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return None, [message]
            piece = message.get("body", b"")
            if len(body) + len(piece) > MOST_BODY_BYTES:
                return self.large, []
            if self._held_bytes + len(piece) > MOST_IN_ALL_BYTES:
                count_refusal("bodies")
                return self.busy, []
            body += piece
            self._held_bytes += len(piece)
            if not message.get("more_body"):
                return None, []


def message_of(body: bytearray) -> dict[str, Any]:
    return {"type": "http.request", "body": bytes(body), "more_body": False}


class _Replay:
    """`receive` that begins with what was read already."""

    def __init__(self, first: list[Any], receive: Any) -> None:
        self._first = first
        self._receive = receive

    async def __call__(self) -> Any:
        return self._first.pop(0) if self._first else await self._receive()


def _length(scope: Any) -> int:
    found = dict(scope["headers"]).get(b"content-length", b"0")
    return int(found) if found.isdigit() else 0
