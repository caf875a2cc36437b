"""Bodies of requests are at most 1 MiB, and larger ones are refused before they are read: no page takes files."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpResponse

MOST_BYTES = 1024 * 1024
TOO_LARGE = f"A request's body has at most {MOST_BYTES} bytes."


def refusal(path: str) -> HttpResponse:
    """The web part's. Its problems know the whole API, which other applications do not load."""
    from skycam_project.access.problems import Problem, is_api

    if is_api(path):
        return Problem("too-large", TOO_LARGE).response(path)
    return HttpResponse(TOO_LARGE, status=413, content_type="text/plain; charset=utf-8")


class BodyLimit:
    """ASGI: refuses bodies above MOST_BYTES before Django writes them to its disk, also those without a length.

    `refusal` makes the answer, of the path.
    """

    def __init__(self, application: Any, refusal: Callable[[str], HttpResponse] = refusal) -> None:
        self.application = application
        self.refusal = refusal

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if _length(scope) > MOST_BYTES:
            await self._refuse(scope, send)
        else:
            counted = _Counted(receive)
            await self.application(scope, counted, send)
            if counted.exceeded:
                await self._refuse(scope, send)

    async def _refuse(self, scope: Any, send: Any) -> None:
        response = self.refusal(scope["path"])
        headers = [(name.lower().encode(), value.encode()) for name, value in response.items()]
        headers += [(b"content-length", str(len(response.content)).encode()), (b"connection", b"close")]
        await send({"type": "http.response.start", "status": response.status_code, "headers": headers})
        await send({"type": "http.response.body", "body": response.content})


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
