"""Invitations of machines as a resource."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, ConfigDict, Field

from core.resources.fields import Fields, field
from core.resources.resource import Operation, Resource
from core.resources.values import Column, Flag, Id
from core.text.names import NAME_PATTERN
from core.times.timestamps import Stamp
from skycam_project.hosts.join_line import check_url
from skycam_project.hosts.shared_keys import BROKER, DATABASE


def _postgresql_url(url: str) -> str:
    # The configuration needs more than a description has.
    from skycam_project.config.database import check_database_url

    check_database_url(url)
    if url.startswith("sqlite:"):
        raise ValueError("Several machines cannot share a SQLite file. Give a URL postgresql://...")
    return url


def _redis_url(url: str) -> str:
    from skycam_project.config.database import check_redis_url

    found: str = check_redis_url(url)
    return found


NAME_RULE = "1 to 40 lower-case letters, digits and hyphens"
RESERVED = ("invitations", "join", "now")
"""Addresses of other pages and routes beside those of hosts."""


def _free_name(name: str) -> str:
    if name in RESERVED:
        raise ValueError(f"{name} cannot be the name of a host. Choose another one.")
    return name


HostName = Annotated[str, Field(pattern=NAME_PATTERN), AfterValidator(_free_name)]
Url = Annotated[str, AfterValidator(lambda text: check_url(text) if text else text)]
DatabaseUrl = Annotated[
    str, Field(max_length=2000), AfterValidator(lambda text: _postgresql_url(text) if text else text)
]
BrokerUrl = Annotated[str, Field(max_length=2000), AfterValidator(lambda text: _redis_url(text) if text else text)]
ELSEWHERE = "only if the new machine needs another one than this one."


class InvitationRequest(Fields):
    """`database_url` and `redis_url`: what the new machine must use, where it differs from the main machine's own."""

    model_config = ConfigDict(strict=True, hide_input_in_errors=True)
    name: HostName = field(title="Name", help=f"{NAME_RULE}.", allowed=NAME_RULE, example="roof")
    url: Url = field(
        "", title="Address of these pages", example="https://sky.example.org",
        help="Where the new machine reaches them. Empty: as the configuration says.",
    )  # fmt: skip
    database_url: DatabaseUrl = field("", title="Database", help=f"A URL postgresql://..., {ELSEWHERE}", secret=True)
    redis_url: BrokerUrl = field("", title="Broker", help=f"A URL rediss://..., {ELSEWHERE}", secret=True)
    again: Annotated[bool, Flag("--again")] = field(
        False, title="It takes the place of a host that the station knows", help="Its name is that of a known host."
    )

    @property
    def instead(self) -> dict[str, str]:
        """The given URLs, by their variables."""
        from skycam_project.config.model import variable_of

        found = {variable_of(DATABASE): self.database_url, variable_of(BROKER): self.redis_url}
        return {name: url for name, url in found.items() if url}


class InvitationBody(Fields):
    """`state`: open, used, expired or withdrawn."""

    id: Annotated[Id, Column("pk")]
    name: str
    state: str
    created: Annotated[Stamp, Column("created_at")]
    created_by: str
    expires: Annotated[Stamp, Column("expires_at")]
    used: Annotated[Stamp | None, Column("used_at")]
    used_by: str
    used_from: str


class NewInvitationBody(InvitationBody):
    line: str = field(help="For `skycam join`; shown only now.", secret=True)


INVITATIONS = Resource(
    name="host_invitations",
    noun="invitation",
    path="hosts/invitations/",
    package="skycam_project.hosts.invitations",
    rows="invitations_for",
    row="invitation_for",
    prepare="with_state",
    answer=InvitationBody,
    operations=(
        Operation("list", "manager", "List the invitations, the newest first.", command="invitations"),
        Operation(
            "add", "manager", "Invite a machine. Its `line`, for `skycam join`, works once, for an hour.",
            "invite_host", InvitationRequest,
            # The command is alone on its line, so that it can be copied or piped.
            "Run this on the machine that becomes the host {name}, before {expires}:\nskycam join {line}",
            keyless="Its answer has a secret, which is shown only once.", command="invite", arguments=("name",),
            example="hosts invite roof", answer=NewInvitationBody,
        ),
        Operation("show", "manager", "Show the invitation.", command=None),
        Operation(
            "remove", "manager", "Withdraw it, so that no machine joins with its line.", "withdraw_invitation",
            command=None,
        ),
    ),
    commands="hosts",
    columns=(
        "name", "state", ("until", "expires"), ("by", "created_by"), ("used by", "used_by"), "id",
    ),
    empty="No invitations.",
)  # fmt: skip
