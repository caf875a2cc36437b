"""The open files of this process."""

from __future__ import annotations

import os


def open_descriptors() -> set[str]:
    return {os.readlink(f"/proc/self/fd/{number}") for number in os.listdir("/proc/self/fd") if is_open(number)}


def is_open(number: str) -> bool:
    return os.path.lexists(f"/proc/self/fd/{number}")
