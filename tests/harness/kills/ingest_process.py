"""The ingest in a process of its own, on the test's database: `WHERE PASSES ROOT CAMERA ROOT_ID`.

WHERE is a failpoint, or `line`: then it is killed before a line of the ingest's own code, when PASSES others were run.
"""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType
from typing import Any

TRACED = ("cameras/supervision/ingest.py", "cameras/supervision/ingester.py", "captures/ingest.py")


def main(where: str, passes: str, root: str, camera: str, root_id: str) -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "skycam_project.settings"
    import django

    django.setup()
    from cameras.spool import failpoints
    from cameras.supervision.camera_status import LastCaptures
    from cameras.supervision.desired_state import EndedSessions
    from cameras.supervision.ingest import NO_FENCE, OpenedSpool
    from cameras.supervision.ingester import Ingester
    from tests.harness.rows.archive import desired_camera
    from tests.harness.supervision.hosts import Answers

    desired = desired_camera(camera, root_id, root)
    ingester = Ingester(NO_FENCE, {}, Answers(), EndedSessions(), LastCaptures(), lambda: None)
    with OpenedSpool(desired) as spool:
        for record in sorted(spool.waiting_records()):
            ingester.ingest_record(desired, record, "")
    if where == "line":
        sys.settrace(KillAtLine(int(passes)).trace)
    else:
        failpoints.arm_failpoint(where, int(passes))
    ingester.ingest_waiting()


class KillAtLine:
    def __init__(self, lines: int) -> None:
        self._left = lines

    def trace(self, frame: FrameType, event: str, _: Any) -> Any:
        if not frame.f_code.co_filename.endswith(TRACED):
            return None
        if event == "line":
            self._left -= 1
            if self._left < 0:
                os.kill(os.getpid(), signal.SIGKILL)
        return self.trace


if __name__ == "__main__":
    main(*sys.argv[1:])
