"""The refusal of settings that the configuration file alone may set."""

from __future__ import annotations

from django.core.exceptions import ValidationError


def only_from_file(name: str) -> ValidationError:
    sentence = f"{name} is set by the configuration file alone (`skycam config apply`): it names a program to run."
    return ValidationError({"settings": sentence})
