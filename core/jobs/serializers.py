"""The query parameters of jobs."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from core.api.queries import PageQuery
from core.jobs.states import JobState

Text = Annotated[str, Field(max_length=60, pattern=r"^[^\x00]*$")]


class JobQuery(PageQuery):
    kind: Text | None = None
    state: JobState | None = None
    host: Text | None = None
