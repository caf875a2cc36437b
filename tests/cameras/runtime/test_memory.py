"""Freed memory does not stay with the C library."""

from __future__ import annotations

import ctypes

import psutil

from cameras.runtime.memory import release_freed_memory

BLOCK, BLOCKS = 16_384, 4000
"""64 MB in blocks that are small enough to come from the heap."""


def resident() -> int:
    return int(psutil.Process().memory_info().rss)


def test_memory_freed_below_memory_in_use_is_returned_to_the_system() -> None:
    libc = ctypes.CDLL(None)
    libc.malloc.restype, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
    blocks = [libc.malloc(BLOCK) for _ in range(BLOCKS)]
    [ctypes.memset(block, 1, BLOCK) for block in blocks]
    [libc.free(block) for block in blocks[:-1]]
    before = resident()
    release_freed_memory()
    libc.free(blocks[-1])
    assert before - resident() > BLOCK * BLOCKS / 2
