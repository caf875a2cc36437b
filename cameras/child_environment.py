"""The environment of the processes that load vendor libraries: camera processes and discovery. Django-free."""

from __future__ import annotations

from collections.abc import Iterable

from core import child_environment

# Folders that the vendors' libraries read from the environment: the PixeLink SDK's, the pictures of libgphoto2's
# virtual camera, and libgphoto2's drivers for ports and cameras.
VENDOR_VARIABLES = ("PIXELINK_SDK_LIB", "VCAMERADIR", "IOLIBS", "CAMLIBS")


def scrubbed_environment(also: Iterable[str] = ()) -> dict[str, str]:
    """The environment variables passed to a camera process; `also` are the configured ones."""
    return child_environment.scrubbed_environment((*VENDOR_VARIABLES, *also))
