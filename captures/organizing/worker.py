"""Inspects picture files: `python -m captures.organizing.worker PARENT`.

It reads a request from each line of stdin and writes one answer to stdout. It is a process of its own because image
files are hostile input: a crash of a decoder ends this process only. Django-free.
"""

from __future__ import annotations

import json
import os
import sys
import time
from contextlib import closing
from typing import Literal, TypedDict

from captures.organizing.findings import NotPlaced, Reason
from captures.organizing.inspection import Inspection, inspect_file
from captures.organizing.source import SourceFiles
from core.jobs.children import limit_resources
from core.parent_death import die_with_parent

MEMORY_BYTES = 3_000_000_000
CPU_S = 86_400
"""Of all files. The parent ends the process if one file takes too long."""


class InspectionRequest(TypedDict):
    """`path` is relative to `folder`; bytes that are no text are surrogates, as Python has them in file names."""

    folder: str
    path: str


class InspectedAnswer(TypedDict):
    type: Literal["inspected"]
    inspection: Inspection


class NotPlacedAnswer(TypedDict):
    type: Literal["not_placed"]
    reason: str
    message: str


Answer = InspectedAnswer | NotPlacedAnswer


def answer(request: InspectionRequest) -> Answer:
    try:
        with closing(SourceFiles(request["folder"])) as files, files.opened(request["path"]) as descriptor:
            found = inspect_file(descriptor, request["path"])
    except NotPlaced as error:
        return NotPlacedAnswer(type="not_placed", reason=error.reason, message=str(error))
    except OSError as error:
        message = f"It cannot be read: {error.strerror or error}."
        return NotPlacedAnswer(type="not_placed", reason=Reason.UNREADABLE, message=message)
    return InspectedAnswer(type="inspected", inspection=found)


def main() -> None:
    die_with_parent(int(sys.argv[1]))
    limit_resources(MEMORY_BYTES, CPU_S, 0)
    # LibRaw converts the camera's time by the zone of the process; in UTC it stays what the camera shows.
    os.environ["TZ"] = "UTC"
    time.tzset()
    for line in sys.stdin:
        # At once: if a decoder crashes, the missing answer tells which file it was.
        print(json.dumps(answer(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
