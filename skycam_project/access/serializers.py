"""What is asked of somebody who signs in."""

from __future__ import annotations

from typing import Annotated, Literal, TypedDict

from pydantic import BaseModel, ConfigDict, Field

DAY_S = 86_400


class TokenRequest(BaseModel):
    """`scope` caps what the token may do below its user's role; it lives `life_s` seconds, 90 days by default."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)

    username: Annotated[str, Field(min_length=1, max_length=150)]
    password: Annotated[str, Field(min_length=1, max_length=1024, json_schema_extra={"format": "password"})]
    scope: Literal["viewer", "operator", "manager"] = "manager"
    name: Annotated[str, Field(max_length=80)] = ""
    life_s: Annotated[int, Field(ge=60, le=3650 * DAY_S)] = 90 * DAY_S


class TokenBody(TypedDict):
    token: str
    scope: str
    expires: str | None
