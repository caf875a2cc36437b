"""Sets a finding aside in a separate process on the database of the run: `POINT FINDING`. Killed at the failpoint."""

from __future__ import annotations

import os
import sys


def main(point: str, finding: str) -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "skycam_project.settings"
    import django

    django.setup()
    from cameras.spool import failpoints
    from captures.models import IntegrityFinding
    from captures.storage.integrity.decisions import set_aside

    failpoints.arm_failpoint(point)
    set_aside(IntegrityFinding.objects.get(pk=finding), "boss")


if __name__ == "__main__":
    main(*sys.argv[1:])
