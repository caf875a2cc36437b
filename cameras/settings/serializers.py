"""The query of the settings."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from core.api.queries import Query


class SettingsQuery(Query):
    refresh: Annotated[bool, Field(description="Ask the camera now.")] = False
