"""Live pictures: the parts of an MJPEG stream."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime

import httpx

from skycam_client.problems import NotReached, SkycamError, Unavailable, UnexpectedAnswer
from skycam_client.requests import exchange, pauses
from skycam_client.steps import Give, ManySteps, Read, Send, Steps, Wait

SIMULATED, STALE, LOWERED = 1, 2, 4
"""Bits of `X-Flags`: docs/clients/contracts.md, Live pictures."""
LONGEST_SILENCE_S = 20.0
"""The station itself ends a stream after ten seconds without a picture."""
HEAD_END = b"\r\n\r\n"
LARGEST_HEAD = 10_000


class ViewEnded(SkycamError):
    """Someone ended this view: the sentence says who."""


@dataclass(frozen=True, slots=True)
class LivePicture:
    """`number` counts the camera's frames. `stale`: it is older than two seconds. `lowered`: smaller or fewer pictures
    than asked for; `limits` says why."""

    jpeg: bytes
    number: int
    captured: datetime
    simulated: bool
    stale: bool
    lowered: bool
    limits: str


Part = tuple[dict[str, str], bytes]
"""The headers, with names in lower case, and the content."""


def live_pictures(path: str, retry_for_s: float) -> ManySteps[LivePicture]:
    """Without an end: a stream that breaks off, because the camera gives no picture or the station starts again, is
    opened again. ViewEnded, Problem, NotReached."""
    send = Send("GET", path, streamed=True, read_timeout_s=LONGEST_SILENCE_S)
    until, waiting = 0.0, pauses()
    while True:
        buffer = bytearray()
        lost: Exception = NotReached("The stream of live pictures ended, and none came in time.")
        try:
            yield from exchange(send, retry_for_s)
            while part := (yield from next_part(buffer)):
                yield Give(picture_of(part))
                until, waiting = time.monotonic() + retry_for_s, pauses()
        except httpx.RequestError as error:
            lost = NotReached(f"The stream of live pictures broke off: {str(error) or type(error).__name__}.")
        except Unavailable as error:
            lost = error
        pause_s = next(waiting)
        if time.monotonic() + pause_s > until:
            raise lost
        yield Wait(pause_s)


def next_part(buffer: bytearray) -> Steps[Part | None]:
    """None at the end of the stream. `buffer` keeps what was read of the part after it."""
    while (end := buffer.find(HEAD_END)) < 0:
        if len(buffer) > LARGEST_HEAD or not (chunk := (yield Read())):
            return None
        buffer += chunk
    lines = (line.partition(":") for line in buffer[:end].decode("latin-1").split("\r\n"))
    head = {name.strip().lower(): value.strip() for name, _, value in lines}
    begin = end + len(HEAD_END)
    size = begin + int(head.get("content-length", "0"))
    while len(buffer) < size:
        if not (chunk := (yield Read())):
            return None
        buffer += chunk
    content = bytes(buffer[begin:size])
    del buffer[:size]
    return head, content


def picture_of(part: Part) -> LivePicture:
    """ViewEnded, UnexpectedAnswer."""
    head, content = part
    if "x-ended" in head:
        raise ViewEnded(content.decode())
    try:
        flags, captured_s = int(head["x-flags"]), int(head["x-captured-us"]) / 1e6
        return LivePicture(
            content, int(head["x-frame-number"]), datetime.fromtimestamp(captured_s, UTC), bool(flags & SIMULATED),
            bool(flags & STALE), bool(flags & LOWERED), head.get("x-limited", ""),
        )  # fmt: skip
    except (KeyError, ValueError) as error:
        raise UnexpectedAnswer(f"A live picture cannot be read: {error}.") from error
