"""Requests and responses of sign-ins and tokens."""

from __future__ import annotations

from typing import Annotated, Literal, TypedDict

from pydantic import ConfigDict, Field

from core.api.model import StrictModel
from core.api.queries import Query
from core.text.names import Line
from core.times.timestamps import stamp, stamp_or_none
from skycam_project.access.models import ApiToken

DAY_S = 86_400


class TokenRequest(StrictModel):
    """`scope` caps what the token may do: at most the role that its user has now, which is the default. It is valid for
    `life_s` seconds, a year by default and two at most."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)

    username: Annotated[str, Field(min_length=1, max_length=150)]
    password: Annotated[str, Field(min_length=1, max_length=1024, json_schema_extra={"format": "password"})]
    scope: Literal["viewer", "operator", "manager"] | None = None
    name: Annotated[
        Line, Field(max_length=80, description="What uses it; by default, where it was requested from.")
    ] = ""
    life_s: Annotated[int, Field(ge=60, le=3650 * DAY_S)] = 365 * DAY_S


class TokenBody(TypedDict):
    token: str
    scope: str
    expires: str | None


class TokenQuery(Query):
    user: Annotated[str, Field(max_length=150)] | None = None


class KnownTokenBody(TypedDict):
    """A token without its text, which is not stored. `hint` is its first characters, `address` where it was requested
    from."""

    id: int
    name: str
    hint: str
    user: str
    scope: str
    address: str
    created: str
    expires: str
    last_used: str | None


class TokenList(TypedDict):
    results: list[KnownTokenBody]


def known_token_body(token: ApiToken) -> KnownTokenBody:
    return KnownTokenBody(
        id=token.pk,
        name=token.name,
        hint=token.hint,
        user=token.user.username,
        scope=token.scope,
        address=token.address,
        created=stamp(token.created_at),
        expires=stamp(token.expires_at),
        last_used=stamp_or_none(token.last_used_at),
    )
