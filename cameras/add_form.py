"""The form that adds a camera, filled in by hand or with what was found."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pydantic
from django.core.exceptions import ValidationError

from cameras import services
from cameras.drivers import DRIVERS, driver_class
from cameras.drivers.credentials import LOGIN, shown
from cameras.models import Camera
from cameras.serializers import CameraNew
from cameras.validation import sentence

ADDRESSES = {
    "gphoto2": "its serial number, such as 3012345; empty: the first one",
    "opencv": "/dev/v4l/by-id/..., or a video file",
    "pixelink": "its serial number; empty: the first one",
    "simulated": "none is needed",
}
"""Kind -> what its address looks like."""
FIELDS = ("slug", "name", "kind", "address", "host")


class AddForm:
    def __init__(self, data: Mapping[str, str] | None = None) -> None:
        self.data = {name: (data or {}).get(name, "").strip() for name in FIELDS}
        self.errors: dict[str, str] = {}

    @property
    def kinds(self) -> list[tuple[str, str, str]]:
        """Kind, label and what its address looks like."""
        return [
            (kind, label, ADDRESSES.get(kind) or driver_class(kind).example) for kind, (label, _) in DRIVERS.items()
        ]

    @property
    def address(self) -> str:
        """As it may be shown again: a password that was typed with it is typed anew, and all of it where nobody can
        tell which part is the password."""
        address = self.data["address"]
        login = LOGIN.match(address)
        return "" if "@" in address[login.end() if login else 0 :] else shown(address)

    @property
    def error(self) -> str:
        """All that is to mend, in one line."""
        return " ".join(f"{field}: {text}" if field else text for field, text in self.errors.items())

    def add(self, actor: str) -> Camera | None:
        """The new camera; None, with `errors`, when it cannot be."""
        try:
            wanted: dict[str, Any] = CameraNew.model_validate(self.data).model_dump()
            return services.add_camera(**{name: wanted[name] for name in FIELDS}, actor=actor)
        except pydantic.ValidationError as error:
            self.errors = {str(item["loc"][0]): sentence({**item, "loc": ()}) for item in error.errors()}
        except ValidationError as error:
            found = error.message_dict if hasattr(error, "error_dict") else {"": error.messages}
            self.errors = {field: " ".join(messages) for field, messages in found.items()}
        return None
