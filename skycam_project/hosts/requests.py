"""What a machine that joins sends, and how a host is retired."""

from __future__ import annotations

from typing import Annotated, Literal, cast
from uuid import UUID

from pydantic import AfterValidator, ConfigDict, Field

from core.api.model import StrictModel
from core.text.names import Line, readable
from skycam_project.hosts.exchange import FORMAT, JoinRequest


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
