"""Request bodies and queries about cameras, validated before a row is written or a command sent."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypedDict

from pydantic import AfterValidator, ConfigDict, Field

from cameras.bodies import CameraBody
from cameras.leases.lease_holders import LEASE_S, LONGEST_S
from cameras.presets.service import PresetBody
from core.api.model import StrictModel
from core.api.paging import Query
from core.text.names import Line

Settings = Annotated[dict[str, Any], Field(description="As the kind's schema says, see `capabilities/`.")]
Name = Annotated[Line, Field(max_length=80)]
Address = Annotated[str, Field(max_length=500)]
Restricted = Annotated[bool, Field(description="Only managers and the audience may see it.")]
Audience = Annotated[
    list[Annotated[str, Field(min_length=1, max_length=150)]],
    Field(max_length=1000, description="User names: who may see it besides managers while it is restricted."),
]
Host = Annotated[str, Field(max_length=60)]


def _no_route(slug: str) -> str:
    if slug == "detect":
        raise ValueError("A camera cannot be called detect: that is a route.")
    return slug


class CameraNew(StrictModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    slug: Annotated[str, Field(max_length=40), AfterValidator(_no_route)]
    kind: Annotated[str, Field(max_length=20)]
    name: Name = ""
    address: Address = ""
    host: Annotated[Host, Field(description="Empty: the host that answers.")] = ""
    settings: Settings = {}
    primary: bool = False
    restricted: Restricted = False
    audience: Audience = []


class CameraChange(StrictModel):
    """Only named fields are changed. `host_is_gone` confirms, with a new `host`, that the old host's machine is off."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    name: Annotated[Name, Field(min_length=1)] | None = None
    address: Address | None = None
    host: Annotated[Host, Field(min_length=1)] | None = None
    enabled: bool | None = None
    settings: Settings | None = None
    primary: bool | None = None
    restricted: Restricted | None = None
    audience: Audience | None = None
    host_is_gone: bool = False

    def changes(self) -> dict[str, Any]:
        return self.model_dump(exclude_none=True, exclude={"host_is_gone"})


class ReleaseLeaseBody(StrictModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    over: Annotated[
        bool, Field(description="Take over or release the camera even if another user holds it; they are notified.")
    ] = False


class AcquireLeaseBody(ReleaseLeaseBody):
    for_s: Annotated[
        int, Field(ge=1, le=LONGEST_S, description="Seconds from now until it runs out; taking again renews it.")
    ] = LEASE_S


class CameraList(TypedDict):
    results: list[CameraBody]


class Discovered(TypedDict):
    """`camera` is the id under which it is already added; `held_by` names another program that has it open, where
    known; `suggested` is a free id for it, empty where it is already added."""

    host: str
    kind: str
    label: str
    address: str
    model: str
    serial: str
    camera: str | None
    held_by: str
    suggested: str


class DiscoveryProblem(TypedDict):
    """A host that did not answer (`kind` is empty), or a kind whose discovery failed there."""

    host: str
    kind: str
    message: str


class DiscoveredList(TypedDict):
    hosts: list[str]
    results: list[Discovered]
    problems: list[DiscoveryProblem]


class FaultsBody(TypedDict):
    """The active faults; faults that are not named are off."""

    camera: str
    faults: dict[str, Any]


class PresetNew(StrictModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    name: Annotated[str, Field(max_length=60)]
    settings: Annotated[Settings | None, Field(description="By default the camera's present desired settings.")] = None


class PresetChange(StrictModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    settings: Annotated[Settings | None, Field(description="By default the camera's present desired settings.")] = None


class PresetList(TypedDict):
    results: list[PresetBody]


class SettingsQuery(Query):
    refresh: Annotated[bool, Field(description="Ask the camera now.")] = False


class FrameQuery(Query):
    quality: Literal["low", "medium", "high"] = "medium"
