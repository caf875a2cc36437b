"""Cameras as a resource: what a manager sets of one, and what an answer has; and a camera as the parameter of a
request. A further field stands here, in the model of the row, and where the camera's process reads it.
Django-free."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from cameras.drivers import DRIVERS
from cameras.runtime.file_formats import DEFAULT_KEEP, FITS_COMPRESSIONS, KEEP_FORMATS, checked_keep
from core.camera_names import SLUG, SLUG_RULE
from core.resources.fields import Changes, Fields, field
from core.resources.resource import Operation, Resource
from core.resources.values import Flag, HasPassword, Word
from core.text.names import Line

Slug = Annotated[str, Field(max_length=40, pattern=r"^[a-z0-9-]+$")]
CameraFilter = Annotated[Slug | None, Field(exclude=True)]
"""The filter of a list. It is no column: `camera_condition` makes the condition, which depends on the user."""


if TYPE_CHECKING:
    Compression = str
else:
    Compression = Literal[tuple(FITS_COMPRESSIONS)]


def check_slug(slug: str) -> str:
    """ValueError."""
    if slug == "detect":
        raise ValueError("A camera cannot be called detect: that is a route.")
    if not re.match(SLUG, slug):
        raise ValueError(SLUG_RULE)
    return slug


Settings = Annotated[dict[str, Any], Field(description="As the kind's schema says, see `capabilities/`.")]


class CameraKey(Fields):
    model_config = ConfigDict(strict=True)
    slug: Annotated[str, Field(max_length=40), AfterValidator(check_slug)] = field(
        title="ID", help="Id of the camera, unique. It cannot be changed.",
        allowed="1 to 40 lower-case letters, digits and hyphens, not detect",
    )  # fmt: skip
    kind: Annotated[str, Field(max_length=20)] = field(
        title="Kind", help=f"The driver, one of {', '.join(DRIVERS)}; it cannot be changed."
    )


class CameraFields(Fields):
    model_config = ConfigDict(strict=True)

    name: Annotated[Line, Field(min_length=1, max_length=80)] = field(
        "", title="Name", help="Display name, shown on all pages.", allowed="1 to 80 characters", unset="the id"
    )
    address: Annotated[str, Field(max_length=500), HasPassword()] = field(
        "", title="Address",
        help="Where the camera is: its serial number, port, device, file or URL, as `cameras detect` shows it. In the "
        "address of an existing camera, `***` keeps the stored password.",
        allowed="an address of this kind", unset="the first camera found",
    )  # fmt: skip
    host: Annotated[str, Field(min_length=1, max_length=60)] = field(
        "", title="Host", help="The camera host that it is connected to.", allowed="the name of a camera host",
        unset="this host",
    )  # fmt: skip
    enabled: Annotated[bool, Flag("--enabled/--disabled")] = field(
        True, title="Enabled", help="A disabled camera is not opened and does not count as a fault."
    )
    primary: Annotated[bool, Flag("--primary")] = field(
        False, title="Primary", help="Commands that name no camera use this one; at most one is.",
        unset="the first camera is",
    )  # fmt: skip
    restricted: Annotated[bool, Flag("--restrict/--publish")] = field(
        False, title="Restricted", help="Only managers and the audience may see it."
    )
    audience: Annotated[list[Annotated[str, Field(min_length=1, max_length=150)]], Field(max_length=1000)] = field(
        [], title="Audience", help="User names: who may see it besides managers while it is restricted.",
        allowed="a list of user names",
    )  # fmt: skip
    settings: Settings = field(
        {}, title="Settings", help="All settings of the camera; those that are missing are left to it.",
        allowed="a mapping of the kind's settings", unset="the camera's own",
    )  # fmt: skip
    keep: Annotated[
        list[Annotated[str, Field(max_length=10)]], Field(min_length=1, max_length=4), AfterValidator(checked_keep)
    ] = field(
        DEFAULT_KEEP, title="Keep stills as", example="fits, jpeg", allowed=f"a list of {', '.join(KEEP_FORMATS)}",
        help=f"Formats of the files that Skycam makes of a still: {', '.join(KEEP_FORMATS)}; the primary file first.",
    )  # fmt: skip
    fits_compression: Compression = field(
        "none", title="FITS compression", help="Of FITS files: none, or rice for tiles inside of the .fits file."
    )


FREE = frozenset({"name", "primary", "restricted", "audience"})
"""What may change while another user holds the camera: it does not touch the camera's process."""
OF_FILES = ("keep", "fits_compression")
"""What a camera that makes its own files does not have."""
IN_FORM = ("name", "address", "host", *OF_FILES, "enabled", "primary")
"""What the form of a camera has, in its order."""


class CameraNew(CameraFields, CameraKey):
    @model_validator(mode="before")
    @classmethod
    def leave_out_empty(cls, given: Any) -> Any:
        """An empty name is the id, and an empty host the one that answers."""
        if not isinstance(given, Mapping):
            return given
        return {name: value for name, value in given.items() if value != "" or name not in ("name", "host")}


class CameraChange(CameraFields, Changes):
    """Only named fields are changed. `host_is_gone` confirms, with a new `host`, that the old host's machine is off."""

    host_is_gone: Annotated[bool, Flag("--host-is-gone")] = field(
        False, title="Its host is gone",
        help="Move it although its current host is off; a session running there ends.",
    )  # fmt: skip


class CameraBody(CameraFields, CameraKey):
    """`settings` are the desired ones; `keep` is empty for a camera whose own files are stored; `observed` is what
    its host reports, `since` when it began. `address` and `audience` are null for users who are not managers."""

    address: str | None  # type: ignore[assignment]
    audience: list[str] | None  # type: ignore[assignment]
    connected: bool
    desired: str
    observed: Annotated[str, Word()]
    reason: str
    since: str | None
    identity: dict[str, Any]


CAMERAS = Resource(
    name="cameras",
    noun="camera",
    path="cameras/",
    package="cameras",
    rows="selectors.cameras_for",
    row="selectors.camera_for",
    prepare="camera_display.shown_cameras",
    answer=CameraBody,
    key="slug",
    kinds="cameras.drivers.DRIVERS",
    operations=(
        Operation("list", "viewer", "List the cameras that you may see."),
        Operation("add", "manager", "Add a camera.", "editing.services.add_camera", CameraNew, command=None),
        Operation(
            "show", "viewer", "Show one camera and its observed state; `status/` has all that its host reports.",
            command=None,
        ),
        Operation(
            "change", "manager",
            "Change a camera, or who may see it (`restricted`, `audience`). Its host applies the change. While a "
            "session runs, a new address or host and `enabled: false` are refused with 409. `host_is_gone` moves a "
            "camera whose host has neither lease nor heartbeat to another `host` and ends its session.",
            "editing.services.change_camera", CameraChange, command=None,
        ),
        Operation(
            "remove", "manager", "Remove a camera. Its captures stay. 409 while a session runs on it.",
            "editing.services.remove_camera", command=None,
        ),
    ),
    commands="cameras",
    columns=(("id", "slug"), "name", "kind", "host", ("is", "observed"), "primary"),
    empty="No cameras.",
)  # fmt: skip
