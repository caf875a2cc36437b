"""The content of responses that stream."""

from __future__ import annotations

from typing import Any

from asgiref.sync import async_to_sync


def content(response: Any) -> bytes:
    """The content that a streaming response sends."""

    async def gathered() -> bytes:
        return b"".join([part async for part in response])

    return async_to_sync(gathered)()
