"""One cleanup in a separate process on the database of the run: `POINT PASSES KEEP`. It is killed at the failpoint."""

from __future__ import annotations

import os
import sys


def main(point: str, passes: str, keep: str) -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "skycam_project.settings"
    os.environ["CAMERA_CONFIG__ROLLING_CLIPS_COUNT"] = keep
    os.environ["CAMERA_CONFIG__SOFT_FLOOR_GB"] = os.environ["CAMERA_CONFIG__HARD_FLOOR_GB"] = "0"
    import django

    django.setup()
    from cameras.spool import failpoints
    from captures.storage.retention.cleanup import ClipCleanup

    failpoints.arm_failpoint(point, int(passes))
    ClipCleanup("main").run()


if __name__ == "__main__":
    main(*sys.argv[1:])
