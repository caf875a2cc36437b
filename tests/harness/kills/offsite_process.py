"""One job `offsite` in a separate process on the database of the run: `POINT PASSES DESTINATION`. It is killed at the
failpoint."""

from __future__ import annotations

import os
import sys


def main(point: str, passes: str, destination: str) -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "skycam_project.settings"
    import django

    django.setup()
    from captures.storage.offsite.destinations import s3
    from captures.storage.offsite.destinations.port import FAILPOINTS
    from captures.storage.offsite.jobs import send_files
    from core.jobs.context import JobContext

    FAILPOINTS.arm(point, int(passes))
    # Of a size at which a test has several parts.
    s3.S3Sender.__init__.__kwdefaults__["part_bytes"] = 100_000
    send_files(JobContext("job-1", {"destination": destination}, None, "ada", lambda message: None))


if __name__ == "__main__":
    main(*sys.argv[1:])
