"""Query parameters and bodies of requests about single captures and the trash."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field, StrictBool

from cameras.camera_filter import CameraFilter
from core.api.model import StrictModel
from core.api.queries import PageQuery


class PinCaptureBody(StrictModel):
    model_config = ConfigDict(extra="forbid")

    pinned: Annotated[StrictBool, Field(description="Nothing deletes a pinned capture.")]


class TrashQuery(PageQuery):
    camera: CameraFilter = None
