"""The environment of the processes that load vendor libraries: camera processes and discovery. Django-free."""

from __future__ import annotations

from collections.abc import Iterable

from core import commands

# Folders that the vendors' libraries read from the environment: the PixeLink SDK's, the pictures of libgphoto2's
# virtual camera, and libgphoto2's drivers for ports and cameras.
VENDOR_VARIABLES = ("PIXELINK_SDK_LIB", "VCAMERADIR", "IOLIBS", "CAMLIBS")

LIBRARY_VARIABLES = {
    # A host runs a process for each camera, and OpenCV would start a thread for each core in each of them: they take
    # the cores from each other, and one picture gains nothing.
    "OPENCV_FOR_THREADS_NUM": "1",
    # glibc would keep memory for each thread apart, and give the memory of each frame back to the system, which clears
    # it page by page for the next one. Frames of more than 8 MB are given back at once, as before.
    "MALLOC_ARENA_MAX": "2",
    "MALLOC_MMAP_THRESHOLD_": str(8 << 20),
    "MALLOC_TRIM_THRESHOLD_": str(32 << 20),
    # Pydantic would search all installed packages for plug-ins, of which there are none, when a process starts.
    "PYDANTIC_DISABLE_PLUGINS": "__all__",
}
"""docs/decisions/capture-speed.md has the figures."""


def scrubbed_environment(also: Iterable[str] = ()) -> dict[str, str]:
    """The environment variables passed to a camera process; `also` are the configured ones, which may replace those of
    LIBRARY_VARIABLES."""
    return LIBRARY_VARIABLES | commands.scrubbed_environment((*VENDOR_VARIABLES, *also))
