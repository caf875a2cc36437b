"""Responses that the web part sends before Django sees the request. The service part has its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpResponse

from core.api.problems import Problem, is_api

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
