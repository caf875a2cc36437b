"""One job `bring_back` of all captures of a camera in a separate process on the database of the run: `POINT CAMERA`. It
is killed at the failpoint."""

from __future__ import annotations

import os
import sys


def main(point: str, camera: str) -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "skycam_project.settings"
    import django

    django.setup()
    from captures.storage.bring_back.jobs import FAILPOINTS, bring_back
    from core.jobs.context import JobContext

    FAILPOINTS.arm(point, 0)
    arguments = {"selection": {"camera": camera}, "until": "2100-01-01T00:00:00Z"}
    bring_back(JobContext("job-1", arguments, None, "ada", lambda message: None))


if __name__ == "__main__":
    main(*sys.argv[1:])
