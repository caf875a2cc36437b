"""The environment of the processes that load vendor libraries: camera processes and discovery. Django-free."""

from __future__ import annotations

import os
from collections.abc import Iterable

PASSED_ENVIRONMENT = (
    "PATH", "HOME", "LANG", "TZ", "LD_LIBRARY_PATH", "PIXELINK_SDK_LIB", "VCAMERADIR", "IOLIBS", "CAMLIBS",
)  # fmt: skip


def scrubbed_environment(also: Iterable[str] = ()) -> dict[str, str]:
    """The environment variables passed to a camera process: no secret key, no database address."""
    names = {*PASSED_ENVIRONMENT, *also}
    return {name: value for name, value in os.environ.items() if name in names or name.startswith("LC_")}
