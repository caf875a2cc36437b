"""The API of a Skycam station for Python programs: `Client` waits for answers, `AsyncClient` is awaited."""

from __future__ import annotations

from skycam_client.client import AsyncClient, Client
from skycam_client.live import LivePicture, ViewEnded
from skycam_client.problems import (
    Busy,
    CaptureNotSaved,
    Damaged,
    FieldError,
    Forbidden,
    Held,
    Invalid,
    NotFound,
    NotReached,
    NotSignedIn,
    Problem,
    RateLimited,
    Refused,
    SkycamError,
    Unavailable,
    UnexpectedAnswer,
)

__all__ = [
    "AsyncClient",
    "Busy",
    "CaptureNotSaved",
    "Client",
    "Damaged",
    "FieldError",
    "Forbidden",
    "Held",
    "Invalid",
    "LivePicture",
    "NotFound",
    "NotReached",
    "NotSignedIn",
    "Problem",
    "RateLimited",
    "Refused",
    "SkycamError",
    "Unavailable",
    "UnexpectedAnswer",
    "ViewEnded",
]
