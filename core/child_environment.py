"""The environment of child processes: no secret key, no database address. Django-free."""

from __future__ import annotations

import os
from collections.abc import Iterable

PASSED_VARIABLES = ("PATH", "HOME", "LANG", "TZ", "LD_LIBRARY_PATH")


def scrubbed_environment(also: Iterable[str] = ()) -> dict[str, str]:
    """The environment variables passed to a child: those that any program needs, and `also`."""
    names = {*PASSED_VARIABLES, *also}
    return {name: value for name, value in os.environ.items() if name in names or name.startswith("LC_")}
