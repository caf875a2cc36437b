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

ADDRESSES = {
    "gphoto2": "the serial number, for example 3012345; empty: the first camera found",
    "opencv": "/dev/v4l/by-id/..., or a video file",
    "pixelink": "the serial number; empty: the first camera found",
    "simulated": "not needed",
}
"""Kind -> what its address looks like."""
FIELDS = ("slug", "name", "kind", "address", "host")
LABELS = {"slug": "ID", "name": "Name", "kind": "Kind", "address": "Address", "host": "Host"}
FORM_RULES = {
    "slug": "An ID has at most 40 lower-case letters, digits and hyphens.",
    "name": "A name has 1 to 80 characters.",
    "kind": "Choose a kind.",
    "address": "An address has at most 500 characters.",
    "host": "Choose a host.",
}
"""What is said where a value is too long, or none at all."""


def example_of(kind: str) -> str:
    """What an address of that kind looks like."""
    return ADDRESSES.get(kind) or driver_class(kind).example


def safe_address(address: str) -> str:
    """As it may be shown again: a password that was typed with it is typed once more, and all of it where nobody can
    tell which part is the password."""
    login = LOGIN.match(address)
    return "" if "@" in address[login.end() if login else 0 :] else shown(address)


def sentences(error: pydantic.ValidationError | ValidationError, rules: Mapping[str, str]) -> dict[str, str]:
    """One for each bad field, in words; without a field under the empty name."""
    if isinstance(error, ValidationError):
        found = error.message_dict if hasattr(error, "error_dict") else {"": error.messages}
        return {name: rules.get(name, "") if _is_blank(texts) else " ".join(texts) for name, texts in found.items()}
    return {str(item["loc"][0]): _sentence(item, rules) for item in error.errors()}


def _is_blank(texts: list[str]) -> bool:
    return texts == ["This field cannot be blank."]


def _sentence(item: Any, rules: Mapping[str, str]) -> str:
    """Our own as they are; the validator's as the rule of the field."""
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
        """Kind, label and what its address looks like."""
        return [(kind, label, example_of(kind)) for kind, (label, _) in DRIVERS.items()]

    @property
    def address(self) -> str:
        return safe_address(self.data["address"])

    @property
    def general(self) -> str:
        """What is wrong with no field of its own."""
        return " ".join(text for name, text in self.errors.items() if name not in FIELDS)

    @property
    def first_wrong(self) -> str:
        return next((name for name in FIELDS if name in self.errors), "")

    @property
    def to_mend(self) -> int:
        return len(self.errors)

    @property
    def error(self) -> str:
        """All that is to mend, in one line."""
        return " ".join(f"{LABELS[name]}: {text}" if name in LABELS else text for name, text in self.errors.items())

    def add(self, actor: str) -> Camera | None:
        """The new camera; None, with `errors`, when it cannot be."""
        try:
            wanted: dict[str, Any] = CameraNew.model_validate(self.data).model_dump()
            return services.add_camera(**{name: wanted[name] for name in FIELDS}, actor=actor)
        except (pydantic.ValidationError, ValidationError) as error:
            self.errors = sentences(error, FORM_RULES)
        return None
