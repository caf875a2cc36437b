"""The requests about leases."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field

from cameras.leases.lease_holders import LEASE_S, LONGEST_S
from core.api.model import StrictModel


class ReleaseLeaseBody(StrictModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    over: Annotated[
        bool, Field(description="Take over or release the camera even if another user holds it; they are notified.")
    ] = False


class AcquireLeaseBody(ReleaseLeaseBody):
    for_s: Annotated[
        # A program that ends without releasing the camera holds it that long.
        int, Field(ge=1, le=LONGEST_S, description="Seconds from now until it runs out; taking again renews it.")
    ] = LEASE_S
