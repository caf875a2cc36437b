"""How each process names itself in pg_stat_activity: `skycam/HOST/PART`."""

from __future__ import annotations

import os

from django.conf import settings

APPLICATION = "skycam/"
OTHER_PART = "command"
"""What is no part: a command line, or a script."""
PART_VARIABLE = "SKYCAM_PART"
"""The launcher sets it."""


def application_name() -> str:
    # At each call: a part is forked after its modules were imported.
    return f"{APPLICATION}{settings.STATION.host}/{os.environ.get(PART_VARIABLE) or OTHER_PART}"
