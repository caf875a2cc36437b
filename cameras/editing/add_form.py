"""The form that adds a camera, filled in by hand or from discovery."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pydantic
from django.core.exceptions import ValidationError

from cameras.drivers import DRIVERS, driver_class
from cameras.drivers.credentials import LOGIN, redact_address
from cameras.editing import services
from cameras.models import Camera
from cameras.serializers import CameraNew

ADDRESSES = {
    "gphoto2": "the serial number, for example 3012345; empty: the first camera found",
    "opencv": "/dev/v4l/by-id/..., or a video file",
    "pixelink": "the serial number; empty: the first camera found",
    "simulated": "not needed",
}
"""Kind -> an example of its address."""
FIELDS = ("slug", "name", "kind", "address", "host")
LABELS = {"slug": "ID", "name": "Name", "kind": "Kind", "address": "Address", "host": "Host"}
FORM_RULES = {
    "slug": "An ID has at most 40 lower-case letters, digits and hyphens.",
    "name": "A name has 1 to 80 characters.",
    "kind": "Choose a kind.",
    "address": "An address has at most 500 characters.",
    "host": "Choose a host.",
}
"""The message for a value that is missing or too long."""


def address_example(kind: str) -> str:
    """An example of an address of that kind."""
    return ADDRESSES.get(kind) or driver_class(kind).example


def safe_address(address: str) -> str:
    """The address as the form may show it again: without its password; empty if the password cannot be separated from
    the rest."""
    login = LOGIN.match(address)
    return "" if "@" in address[login.end() if login else 0 :] else redact_address(address)


def error_sentences(error: pydantic.ValidationError | ValidationError, rules: Mapping[str, str]) -> dict[str, str]:
    """One sentence for each bad field; errors without a field are under the empty name."""
    if isinstance(error, ValidationError):
        found = error.message_dict if hasattr(error, "error_dict") else {"": error.messages}
        return {name: rules.get(name, "") if _is_blank(texts) else " ".join(texts) for name, texts in found.items()}
    return {str(item["loc"][0]): _error_sentence(item, rules) for item in error.errors()}


def _is_blank(texts: list[str]) -> bool:
    return texts == ["This field cannot be blank."]


def _error_sentence(item: Any, rules: Mapping[str, str]) -> str:
    """Our own messages as they are; the validator's replaced by the field's rule."""
    own: str = item["msg"]
    if item["type"] == "value_error":
        return own.removeprefix("Value error, ")
    return rules.get(str(item["loc"][0]), own)


class AddForm:
    def __init__(self, data: Mapping[str, str] | None = None) -> None:
        self.data = {name: (data or {}).get(name, "").strip() for name in FIELDS}
        self.errors: dict[str, str] = {}

    @property
    def kinds(self) -> list[tuple[str, str, str]]:
        """Kind, label and an example of its address."""
        return [(kind, label, address_example(kind)) for kind, (label, _) in DRIVERS.items()]

    @property
    def address(self) -> str:
        return safe_address(self.data["address"])

    @property
    def general_error(self) -> str:
        """The errors that belong to no field."""
        return " ".join(text for name, text in self.errors.items() if name not in FIELDS)

    @property
    def first_invalid(self) -> str:
        return next((name for name in FIELDS if name in self.errors), "")

    @property
    def error_count(self) -> int:
        return len(self.errors)

    @property
    def error(self) -> str:
        """All errors in one line."""
        return " ".join(f"{LABELS[name]}: {text}" if name in LABELS else text for name, text in self.errors.items())

    def add(self, actor: str) -> Camera | None:
        """The new camera; None, with `errors` filled, when it is refused."""
        try:
            wanted: dict[str, Any] = CameraNew.model_validate(self.data).model_dump()
            return services.add_camera(**{name: wanted[name] for name in FIELDS}, actor=actor)
        except (pydantic.ValidationError, ValidationError) as error:
            self.errors = error_sentences(error, FORM_RULES)
        return None
