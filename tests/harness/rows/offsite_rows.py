"""A destination and a copy as rows alone: nothing is sent."""

from __future__ import annotations

import uuid
from typing import Any

from django.utils import timezone

from captures.models import Destination, OffsiteCopy


def folder_destination_row(**fields: Any) -> Destination:
    values = {"classes": ["rolling_clip"], "keep_local": False, "settings": {"path": "/nowhere"}} | fields
    return Destination.objects.create(name="second disk", kind="folder", **values)


def copy_row(destination: Destination, state: str = "dead", **fields: Any) -> OffsiteCopy:
    values = {
        "table": "clips", "uuid": uuid.uuid4(), "file_class": "rolling_clip", "host": "main", "root": uuid.uuid4(),
        "path": "clips/sky/1.mp4", "bytes": 1000, "sha256": "0" * 64, "camera": uuid.uuid4(), "at": timezone.now(),
        "key": "main/1/clips/sky/1.mp4",
    }  # fmt: skip
    return OffsiteCopy.objects.create(destination=destination, state=state, **(values | fields))
