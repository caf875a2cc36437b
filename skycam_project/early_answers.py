"""Answers that are given before Django is asked, by the web part. The service part has its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpResponse

MOST_BODY_BYTES = 1024 * 1024
TOO_LARGE = f"A request's body has at most {MOST_BODY_BYTES} bytes."
TOO_BUSY = "The station has as many requests as it works on at a time. Try again in a moment."
RETRY = {"Retry-After": "2"}
EarlyAnswer = Callable[[str], HttpResponse]
"""By the path that was asked for."""


def too_large(path: str) -> HttpResponse:
    return _answer(path, "too-large", 413, TOO_LARGE, {})


def too_busy(path: str) -> HttpResponse:
    return _answer(path, "too-busy", 503, TOO_BUSY, RETRY)


def _answer(path: str, problem: str, status: int, sentence: str, headers: dict[str, str]) -> HttpResponse:
    """Problems know the whole API, which other applications do not load."""
    from skycam_project.access.problems import Problem, is_api

    if is_api(path):
        return Problem(problem, sentence, headers=headers).response(path)
    return HttpResponse(sentence, status=status, content_type="text/plain; charset=utf-8", headers=headers)


async def send_answer(response: HttpResponse, send: Any) -> None:
    """As ASGI; the connection ends with it."""
    headers = [(name.lower().encode(), value.encode()) for name, value in response.items()]
    headers += [(b"content-length", str(len(response.content)).encode()), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": response.status_code, "headers": headers})
    await send({"type": "http.response.body", "body": response.content})
