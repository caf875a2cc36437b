"""The query of a live picture."""

from __future__ import annotations

from typing import Literal

from core.api.queries import Query


class FrameQuery(Query):
    quality: Literal["low", "medium", "high"] = "medium"
