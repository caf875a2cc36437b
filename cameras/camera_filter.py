"""A camera as the parameter of a request. Django-free."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

Slug = Annotated[str, Field(max_length=40, pattern=r"^[a-z0-9-]+$")]
CameraFilter = Annotated[Slug | None, Field(exclude=True)]
"""The filter of a list. It is no column: `camera_condition` makes the condition, which depends on the user."""
