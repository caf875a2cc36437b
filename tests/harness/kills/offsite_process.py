"""One job `offsite` in a separate process on the database of the run: `POINT PASSES DESTINATION`. It is killed at the
failpoint."""

from __future__ import annotations

import os
import sys


def main(point: str, passes: str, destination: str) -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "skycam_project.settings"
    import django

    django.setup()
    from cameras.spool import failpoints
    from captures.offsite.jobs import send_files
    from core.jobs.context import JobContext

    failpoints.arm_failpoint(point, int(passes))
    send_files(JobContext("job-1", {"destination": destination}, None, "ada", lambda message: None))


if __name__ == "__main__":
    main(*sys.argv[1:])
