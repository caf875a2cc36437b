"""Publishes notices of captures: `python -m bench.publishing`, with a `Publishing` as JSON on stdin.

Prints the milliseconds of processor time that one notice took.
"""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import dataclass

import django

SETTLE_S = 0.3


@dataclass(frozen=True)
class Publishing:
    camera: str
    per_s: float
    count: int


def publish(publishing: Publishing) -> float:
    """The `reason` of each notice is the time of its publication, in microseconds of the monotonic clock."""
    from captures.capturing.outcomes import CAPTURES, CaptureNotice
    from core.broker.notices import publish_notice

    began_cpu, began = time.process_time(), time.monotonic()
    for number in range(publishing.count):
        time.sleep(max(0.0, began + number / publishing.per_s - time.monotonic()))
        at_us = time.monotonic_ns() // 1000
        update = CaptureNotice(
            camera=publishing.camera, status="ready", camera_temperature=12.5, latest_image=None,
            capture=f"{number:036}", outcome="failed", reason=f"{at_us}",
        )  # fmt: skip
        publish_notice(CAPTURES, update)
    time.sleep(SETTLE_S)
    return 1000 * (time.process_time() - began_cpu) / publishing.count


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "skycam_project.settings")
    django.setup(set_prefix=False)
    asked = Publishing(**json.load(sys.stdin))
    print(publish(asked))
