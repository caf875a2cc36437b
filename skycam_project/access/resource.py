"""Users and their tokens as resources, and the sign-in that gives a program a token."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from core.api.queries import Query
from core.resources.fields import Fields, field
from core.resources.resource import Operation, Resource
from core.resources.values import Column
from core.text.names import Line
from core.times.timestamps import Stamp

DAY_S = 86_400
Username = Annotated[str, Column("user.username")]


class TokenRequest(Fields):
    """`scope` caps what the token may do: at most the role that its user has now, which is the default. It is valid for
    `life_s` seconds, a year by default and two at most."""

    model_config = ConfigDict(strict=True, hide_input_in_errors=True)

    username: Annotated[str, Field(min_length=1, max_length=150)]
    password: Annotated[str, Field(min_length=1, max_length=1024, json_schema_extra={"format": "password"})]
    scope: Literal["viewer", "operator", "manager"] | None = None
    name: Annotated[
        Line, Field(max_length=80, description="What uses it; by default, where it was requested from.")
    ] = ""
    life_s: Annotated[int, Field(ge=60, le=3650 * DAY_S)] = 365 * DAY_S


class TokenBody(Fields):
    token: Annotated[str, Column("text")] = field(secret=True)
    scope: str
    expires: Annotated[Stamp, Column("expires_at")]


class NewTokenBody(TokenBody):
    id: Annotated[int, Column("pk")]
    name: str
    user: Username


class TokenQuery(Query):
    user: Annotated[str, Field(max_length=150)] | None = None

    def filtered(self, rows: Any, _user: Any) -> Any:
        return rows if self.user is None else rows.filter(user__username=self.user)


class KnownTokenBody(Fields):
    """A token without its text, which is not stored. `hint` is its first characters, `address` where it was requested
    from."""

    id: Annotated[int, Column("pk")]
    name: str
    hint: str
    user: Username
    scope: str
    address: str
    created: Annotated[Stamp, Column("created_at")]
    expires: Annotated[Stamp, Column("expires_at")]
    last_used: Annotated[Stamp | None, Column("last_used_at")]


class UserBody(Fields):
    name: Annotated[str, Column("username")]
    role: str
    active: Annotated[bool, Column("is_active")]
    last_login: datetime | None


TOKENS = Resource(
    name="tokens",
    noun="token",
    path="tokens/",
    package="skycam_project.access",
    rows="services.tokens_for",
    row="services.token_for",
    answer=KnownTokenBody,
    operations=(
        Operation(
            "list", "viewer", "List your tokens; managers see those of all users. Only a hash of each is stored.",
            query=TokenQuery, command=None,
        ),
        Operation(
            "remove", "viewer", "Revoke the token. It stops working at once.", "services.revoke_token",
            said="Revoked the token {name} of {user}.", command="revoke", example="tokens revoke 3",
        ),
    ),
    commands="tokens",
    columns=("id", "user", "name", "scope", "expires", ("last used", "last_used")),
    empty="No tokens.",
)  # fmt: skip

USERS = Resource(
    name="users",
    noun="user",
    path="",
    package="skycam_project.access",
    rows="accounts.users_for",
    row="",
    key="name",
    answer=UserBody,
    operations=(
        Operation("list", "manager", "List the users of the station."),
        Operation(
            "remove", "manager", "Remove the user and all tokens of this user.", "accounts.remove_user",
            said="Removed {name}.",
        ),
    ),
    commands="users",
    columns=("name", "role", "active", ("last sign-in", "last_login")),
    empty="No users.",
)  # fmt: skip
