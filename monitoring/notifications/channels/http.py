"""What the channels over HTTP share: an address, and one request within the deadline. Django-free."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from importlib.metadata import version
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from core.outgoing import OutgoingGuard
from core.resources.values import stripped
from monitoring.notifications.channels.base import SECRET, SendResult
from monitoring.webhooks.client import WebhookClient
from monitoring.webhooks.receiver_url import MAX_LENGTH, ReceiverUrl

USER_AGENT = f"Skycam/{version('skycam')}"


def checked_url(text: str) -> str:
    """InvalidUrl, which is a ValueError."""
    return ReceiverUrl.parse(text).text


def checked_server(text: str) -> str:
    url = ReceiverUrl.parse(text)
    if url.parts.username is not None or url.parts.query:
        raise ValueError("Write only the address of the server, such as https://ntfy.example.org.")
    return url.text.rstrip("/")


ServerUrl = Annotated[str, BeforeValidator(stripped), AfterValidator(checked_server), Field(max_length=300)]
SecretUrl = Annotated[
    str, BeforeValidator(stripped), AfterValidator(checked_url),
    Field(max_length=MAX_LENGTH, repr=False, json_schema_extra=SECRET),
]  # fmt: skip


PICTURE_DEADLINE_S = 20.0
"""With the deadline of the message it is less than the lease of the channel."""


def with_picture(result: SendResult, send_picture: Callable[[], SendResult]) -> SendResult:
    """The message was accepted without the picture, which follows as a second one. If that fails the message must not
    be sent again: the detail says why the picture is missing."""
    if result.error:
        return result
    picture = send_picture()
    follows = f"It got no picture: {picture.error}" if picture.error else "It got the picture."
    return replace(result, detail=f"{result.detail} {follows}")


def send_json(
    guard: OutgoingGuard, deadline_s: float, url: str, body: Mapping[str, Any], headers: Mapping[str, str],
    method: str = "POST",
) -> SendResult:  # fmt: skip
    return send_bytes(guard, deadline_s, url, json.dumps(body, ensure_ascii=False).encode(), headers, method)


def send_bytes(
    guard: OutgoingGuard, deadline_s: float, url: str, content: bytes, headers: Mapping[str, str], method: str = "POST"
) -> SendResult:
    all_headers = {"Content-Type": "application/json", "User-Agent": USER_AGENT, **headers}
    answer = WebhookClient(guard, deadline_s).post(ReceiverUrl.parse(url), content, all_headers, method)
    said = f" {answer.text[:200]}" if answer.error and answer.text else ""
    detail = "" if answer.status is None else f"The receiver answered {answer.status}."
    return SendResult(f"{answer.error}{said}"[:500], detail, answer.retry_after_s)
