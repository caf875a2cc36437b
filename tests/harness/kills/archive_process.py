"""The job `archive` in a process of its own, on the database of the run: `POINT PASSES ARCHIVE`. It is killed at the
failpoint."""

from __future__ import annotations

import os
import sys


def main(point: str, passes: str, archive: str) -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "skycam_project.settings"
    import django

    django.setup()
    from captures.storage.archives.copying import FAILPOINTS
    from captures.storage.archives.jobs import make_archive
    from core.jobs.context import JobContext

    FAILPOINTS.arm(point, int(passes))
    make_archive(JobContext("job-1", {"archive": archive}, None, "ada", lambda message: None))


if __name__ == "__main__":
    main(*sys.argv[1:])
