"""Request bodies and queries about cameras, validated before a row is written or a command sent."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, ConfigDict, Field

from cameras.runtime.file_formats import DEFAULT_KEEP
from core.api.model import StrictModel
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
Keep = Annotated[
    list[Annotated[str, Field(max_length=10)]],
    Field(
        min_length=1,
        max_length=4,
        description="Formats of the files that Skycam makes of a still: jpeg, png, tiff, fits; the primary file first.",
    ),
]
Compression = Annotated[
    str, Field(max_length=10, description="Of FITS files: `none`, or `rice` for tiles inside of the .fits file.")
]


def check_no_route(slug: str) -> str:
    if slug == "detect":
        raise ValueError("A camera cannot be called detect: that is a route.")
    return slug


class CameraNew(StrictModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    slug: Annotated[str, Field(max_length=40), AfterValidator(check_no_route)]
    kind: Annotated[str, Field(max_length=20)]
    name: Name = ""
    address: Address = ""
    host: Annotated[Host, Field(description="Empty: the host that answers.")] = ""
    settings: Settings = {}
    keep: Keep = DEFAULT_KEEP
    fits_compression: Compression = "none"
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
    keep: Keep | None = None
    fits_compression: Compression | None = None
    primary: bool | None = None
    restricted: Restricted | None = None
    audience: Audience | None = None
    host_is_gone: bool = False

    def changes(self) -> dict[str, Any]:
        # No field may be null, so null means the same as a missing field.
        return self.model_dump(exclude_none=True, exclude={"host_is_gone"})
