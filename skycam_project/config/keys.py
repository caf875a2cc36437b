"""How a key of the configuration is described, and what every section of them refuses."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

Key = tuple[str, ...]
"""Where a key stands: `web.port` is `("web", "port")`."""

PORT = "a whole number from 1 to 65535"
SECONDS = "a number of seconds above 0"
YES_NO = "true or false"
NAME = "1 to 40 lower-case letters, digits and hyphens"
FOLDER = "a folder's path"
NAME_PATTERN = r"^[a-z0-9-]{1,40}$"


def key(
    default: Any,
    meaning: str,
    allowed: str,
    *,
    env: str = "",
    secret: bool = False,
    separator: str = ",",
    unset: str = "",
    dotenv: str = "",
    **limits: Any,
) -> Any:
    """One key. `unset` says in words what holds when nothing is configured; `separator` splits a list's variable.

    `dotenv` is a second name that counts in a `.env` alone: in an environment it is often another program's.
    """
    notes: dict[str, Any] = {"allowed": allowed, "env": env, "secret": secret, "separator": separator, "unset": unset}
    notes["dotenv"] = dotenv
    return Field(default, description=meaning, json_schema_extra=notes, repr=not secret, **limits)


class Section(BaseModel):
    model_config = ConfigDict(
        extra="forbid", frozen=True, hide_input_in_errors=True, coerce_numbers_to_str=True, allow_inf_nan=False
    )

    @field_validator("*", mode="before")
    @classmethod
    def refuse_what_is_silently_converted(cls, value: Any, info: ValidationInfo) -> Any:
        """YAML's `yes` is no port number 1, and a path holds no NUL."""
        wants_bool = cls.model_fields[str(info.field_name)].annotation is bool
        if (isinstance(value, bool) and not wants_bool) or (isinstance(value, str) and "\0" in value):
            raise ValueError
        return value
