"""The bodies of requests to bring files back from their off-site copies."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import Field, model_validator

from cameras.camera_filter import Slug
from core.resources.fields import Fields
from core.times.moments import Moment

DAYS = 7
"""How long files stay that were brought back, unless the request says it."""
Days = Annotated[float, Field(gt=0, le=3650, description="For so long no rule leaves the files to their copies again.")]


class BringBackOne(Fields):
    """For the files of one capture."""

    days: Days = DAYS


class Selection(Fields):
    """Which files: those to which all that is given applies. `from` and `to`: when they were captured."""

    capture: UUID | None = None
    archive: UUID | None = None
    experiment: Annotated[UUID | None, Field(description="Its captures and the files of its archive.")] = None
    camera: Slug | None = None
    destination: Annotated[UUID | None, Field(description="With a verified copy there.")] = None
    from_: Annotated[Moment | None, Field(alias="from", description="Not before; ISO 8601 with a zone.")] = None
    to: Annotated[Moment | None, Field(description="Before; ISO 8601 with a zone.")] = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.from_ is not None and self.to is not None and self.from_ >= self.to:
            raise ValueError("`from` must be before `to`.")
        if not self.as_json():
            raise ValueError(
                "Say which files: give a capture, an archive, an experiment, a camera, a destination or a time."
            )
        return self

    def as_json(self) -> dict[str, Any]:
        """What is given, without a period."""
        names = set(Selection.model_fields)
        return self.model_dump(mode="json", by_alias=True, exclude_none=True, include=names)

    def within(self, column: str) -> dict[str, datetime]:
        """Conditions for the rows whose time in `column` is between the ends."""
        ends = {f"{column}__gte": self.from_, f"{column}__lt": self.to}
        return {name: at for name, at in ends.items() if at is not None}


class BringBackRequest(Selection):
    days: Days = DAYS

    @property
    def digest(self) -> str:
        """Equal for requests of the same files and period: they are one job."""
        whole = json.dumps({**self.as_json(), "days": self.days}, sort_keys=True)
        return hashlib.sha256(whole.encode()).hexdigest()[:32]
