"""Dataclasses from JSON that another process or another version has written."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, TypeVar

Made = TypeVar("Made")


def dataclass_from_json(kind: type[Made], values: Mapping[str, Any]) -> Made:
    """A dataclass from its known fields. A newer writer's unknown key is ignored, and a missing field gets its default.
    Raises TypeError when a field without a default is missing."""
    known = {field.name for field in dataclasses.fields(kind) if field.init}  # type: ignore[arg-type]
    return kind(**{name: value for name, value in values.items() if name in known})
