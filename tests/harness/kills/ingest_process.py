"""The ingest in a process of its own, on the test's database: `POINT PASSES ROOT CAMERA`. It is killed at the point."""

from __future__ import annotations

import os
import sys


def main(point: str, passes: str, root: str, camera: str) -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "skycam_project.settings"
    import django

    django.setup()
    from cameras.spool import failpoints
    from cameras.spool.durable import RootFiles
    from cameras.supervision.ingest import SpoolIngester

    failpoints.arm_failpoint(point, int(passes))
    ingester = SpoolIngester(RootFiles(root), camera, "sim")
    for name in sorted(ingester.waiting_records()):
        ingested = ingester.ingest(name)
        if ingested is not None:
            ingester.remove_record(ingested)


if __name__ == "__main__":
    main(*sys.argv[1:])
