"""Moves the database of the station in SKYCAM_DATA, and is killed at a failpoint: `POINT PASSES URL`."""

from __future__ import annotations

import os
import sys


def main(point: str, passes: str, url: str) -> None:
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "skycam_project.settings")
    django.setup()
    from django.conf import settings

    from skycam_project.moving.copying import FAILPOINTS
    from skycam_project.moving.move import DatabaseMove

    FAILPOINTS.arm(point, int(passes))
    DatabaseMove(settings.STATION, url, lambda *_at: None).run()


if __name__ == "__main__":
    main(*sys.argv[1:])
