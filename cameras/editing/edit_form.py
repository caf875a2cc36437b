"""The form that changes a camera's name, address, host, and whether it is enabled and primary."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pydantic
from django.core.exceptions import ValidationError

from cameras.editing import services
from cameras.editing.add_form import FORM_RULES, LABELS, address_example, error_sentences, safe_address
from cameras.models import Camera
from cameras.serializers import CameraChange

TEXTS = ("name", "address", "host")
SWITCHES = ("enabled", "primary")
WAS = "was-"
"""The prefix of a field's value as the form showed it. A field that still has that value was not edited."""


class EditForm:
    """`changes` are the requested changes; `errors` has a sentence for each bad field."""

    def __init__(self, camera: Camera, data: Mapping[str, str] | None = None) -> None:
        self.camera = camera
        self.shown = {name: str(getattr(camera, name)) for name in TEXTS}
        self.shown |= {name: "on" if getattr(camera, name) else "" for name in SWITCHES}
        self.errors: dict[str, str] = {}
        self.is_sent = data is not None
        self.was = {name: (data or {}).get(f"{WAS}{name}", value) for name, value in self.shown.items()}
        self.data = self.shown if data is None else {name: data.get(name, "").strip() for name in self.shown}

    @property
    def address(self) -> str:
        return safe_address(self.data["address"]) if self.is_sent else self.data["address"]

    @property
    def example(self) -> str:
        return address_example(self.camera.kind)

    @property
    def general_error(self) -> str:
        """The errors that belong to no field."""
        return " ".join(text for name, text in self.errors.items() if name not in self.shown)

    @property
    def first_invalid(self) -> str:
        return next((name for name in self.shown if name in self.errors), "")

    @property
    def error_count(self) -> int:
        return len(self.errors)

    @property
    def changes(self) -> dict[str, Any]:
        touched = {name: value for name, value in self.data.items() if value != self.was[name]}
        return {name: value == "on" if name in SWITCHES else value for name, value in touched.items()}

    def save(self, actor: str) -> Camera | None:
        """The changed camera; None, with `errors` filled, when a field is bad. LeaseHeld, SessionRunning."""
        try:
            changes = CameraChange.model_validate(self.changes).changes()
            return services.change_camera(self.camera, changes, actor) if changes else self.camera
        except (pydantic.ValidationError, ValidationError) as error:
            self.errors = error_sentences(error, FORM_RULES)
        return None

    @property
    def labels(self) -> dict[str, str]:
        return LABELS
