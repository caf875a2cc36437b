"""Faults as JSON."""

from __future__ import annotations

from typing import Any, TypedDict


class FaultsBody(TypedDict):
    """The active faults; faults that are not named are off."""

    camera: str
    faults: dict[str, Any]
