"""Query parameters of requests for files and thumbnails."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from core.api.queries import Query


class FileQuery(Query):
    kind: (
        Annotated[str, Field(max_length=20, pattern=r"^[a-z0-9]+$", description="Without it: the primary file.")] | None
    ) = None
    download: Annotated[bool, Field(description="Offer the file for saving instead of showing it.")] = False


def _integer(given: object) -> object:
    """ValueError for a text that is not a number. A parameter given twice is a list, which the field refuses."""
    return int(given) if isinstance(given, str) else given


class ThumbnailQuery(Query):
    size: Annotated[
        # A Literal of numbers accepts no text, and parameters are text.
        Literal[320, 800, 2048], BeforeValidator(_integer), Field(description="Pixels of the longest side, at most.")
    ] = 320
