"""What is wrong with an item of the file, as sentences with its file, line and key."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from django.core.exceptions import ValidationError
from pydantic import ValidationError as Refused

from core.api.constraints import describe_error
from skycam_project.config import ConfigError
from skycam_project.config.config_file import ConfigFile

TAGS = {"SunWindow", "ClockWindow"}
"""What pydantic calls the kinds of windows in the place of an error."""


@contextmanager
def located(file: ConfigFile, list_name: str, number: int, keys: Mapping[str, str]) -> Iterator[None]:
    """Turn what services refuse into ConfigError with the place in the file. `keys`: field -> key in the file."""
    try:
        yield
    except ValidationError as error:
        raise ConfigError(_service_sentences(error, file, list_name, number, keys)) from None
    except Refused as error:
        raise ConfigError(dict.fromkeys(_model_sentences(error, file, list_name, number))) from None


def _service_sentences(
    error: ValidationError, file: ConfigFile, list_name: str, number: int, keys: Mapping[str, str]
) -> Iterator[str]:
    by_field = error.message_dict if hasattr(error, "error_dict") else {"__all__": error.messages}
    for field, messages in by_field.items():
        for message in messages:
            # A sentence about a setting begins with the setting's name.
            inner = [message.partition(":")[0]] if field == "settings" else []
            place = [] if field == "__all__" else [keys.get(field, field), *inner]
            yield f"{file.place_of(list_name, number, *place)}: {message}"


def _model_sentences(error: Refused, file: ConfigFile, list_name: str, number: int) -> Iterator[str]:
    for item in error.errors():
        place = [str(part) for part in item["loc"] if part not in TAGS]
        missing = f"{place[-1]} " if item["type"] == "missing" and place else ""
        yield f"{file.place_of(list_name, number, *place)}: {missing}{describe_error(item)}"
