"""A full disk: how it is recognised, the reason and the sentence of its error, and for how long a step of the spool is
retried. `spool.py` has the slots that a record of its failure goes to, `cameras.runtime.disk_reserve` the reserve."""

from __future__ import annotations

import errno
import time
from collections.abc import Callable

from cameras.spool.records import RecordBase

OUT_OF_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT})
# One each second. After the last the root counts as lost, and its next recovery completes the capture.
MOST_TRIES = 30


def is_out_of_space(error: BaseException) -> bool:
    return isinstance(error, OSError) and error.errno in OUT_OF_SPACE


def disk_reason(error: OSError) -> str:
    return "disk_full" if is_out_of_space(error) else "write_error"


def describe_disk_error(error: OSError, path: str, when_full: str = "", when_failing: str = "") -> str:
    """What is wrong with the disk of `path`, and the next step: `when_full` or `when_failing`."""
    if is_out_of_space(error):
        return f"The disk of {path} is full. {when_full}".rstrip()
    return f"Writing to {path} failed: {error.strerror}. {when_failing}".rstrip()


def retry_while_full(step: Callable[[RecordBase], None], record: RecordBase) -> None:
    """Run a step of the spool; retry it each second while the disk is too full for even a file name."""
    for _ in range(MOST_TRIES):
        try:
            step(record)
            return
        except OSError as error:
            if not is_out_of_space(error):
                raise
            # Not `CameraClock.wait`: an abort or a command for the camera loop would end it early.
            time.sleep(1.0)
    step(record)
