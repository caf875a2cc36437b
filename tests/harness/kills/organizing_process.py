"""One attempt of the job `organize` in a separate process on the database of the run: `POINT PASSES CAMERA FOLDER
MOVE`. It is killed at the failpoint."""

from __future__ import annotations

import os
import sys


def main(point: str, passes: str, camera: str, folder: str, move: str) -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "skycam_project.settings"
    import django

    django.setup()
    from cameras.spool import failpoints
    from captures.organizing.jobs import organize_folder
    from core.jobs.context import JobContext

    failpoints.arm_failpoint(point, int(passes))
    arguments = {"camera": camera, "folder": folder, "time_zone": "UTC", "move": move == "move"}
    organize_folder(JobContext("job-1", arguments, None, "ada", lambda message: None), lambda file: None)


if __name__ == "__main__":
    main(*sys.argv[1:])
