"""Bodies of requests about hosts and invitations."""

from __future__ import annotations

from typing import Annotated, Literal, cast
from uuid import UUID

from pydantic import AfterValidator, ConfigDict, Field

from core.api.model import StrictModel
from core.text.names import Line, readable
from skycam_project.config.database import check_database_url
from skycam_project.config.keys import NAME_PATTERN
from skycam_project.config.model import variable_of
from skycam_project.config.redis import check_redis_url
from skycam_project.hosts.exchange import FORMAT, JoinRequest
from skycam_project.hosts.join_line import check_url
from skycam_project.hosts.shared_keys import BROKER, DATABASE


def _postgresql_url(url: str) -> str:
    check_database_url(url)
    if url.startswith("sqlite:"):
        raise ValueError("Several machines cannot share a SQLite file. Give a URL postgresql://...")
    return url


RESERVED = ("invitations", "join", "now")
"""Addresses of other pages and routes beside those of hosts."""


def _free_name(name: str) -> str:
    if name in RESERVED:
        raise ValueError(f"{name} cannot be the name of a host. Choose another one.")
    return name


HostName = Annotated[str, Field(pattern=NAME_PATTERN), AfterValidator(_free_name)]
Secret = Field(default="", max_length=2000, repr=False)


class InvitationRequest(StrictModel):
    """`database_url` and `redis_url`: what the new machine must use, where it differs from the main machine's own."""

    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)
    name: HostName
    url: Annotated[str, AfterValidator(lambda text: check_url(text) if text else text)] = ""
    database_url: Annotated[str, AfterValidator(lambda text: _postgresql_url(text) if text else text)] = Secret
    redis_url: Annotated[str, AfterValidator(lambda text: check_redis_url(text) if text else text)] = Secret
    again: bool = False

    @property
    def instead(self) -> dict[str, str]:
        """The given URLs, by their variables."""
        found = {variable_of(DATABASE): self.database_url, variable_of(BROKER): self.redis_url}
        return {name: url for name, url in found.items() if url}


class MachineBody(StrictModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    place: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    name: Annotated[str, Field(max_length=255), AfterValidator(readable)]
    version: Annotated[Line, Field(max_length=40)]


class JoinBody(StrictModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    format: Annotated[int, Field(ge=FORMAT, le=FORMAT)]
    invitation: Annotated[UUID, Field(strict=False)]
    nonce: Annotated[str, Field(min_length=16, max_length=100)]
    machine: MachineBody
    proof: Annotated[str, Field(min_length=64, max_length=64)]

    def as_request(self) -> JoinRequest:
        assert self.format == FORMAT
        return cast(JoinRequest, {**self.model_dump(mode="json"), "invitation": str(self.invitation)})


class RetireRequest(StrictModel):
    """`files`: `keep` keeps the rows of the host's files, `forget` removes them. `lost`: its disk is, with the records
    in its spool. `dry_run` only counts."""

    model_config = ConfigDict(extra="forbid", strict=True)
    files: Literal["keep", "forget"]
    lost: bool = False
    dry_run: bool = False
