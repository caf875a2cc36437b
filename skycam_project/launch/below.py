"""Runs a module as `python -m` does, in a process that ends with its parent: `python -m skycam_project.launch.below
PARENT MODULE ARGUMENTS`, where PARENT is the pid of the parent."""

from __future__ import annotations

import runpy
import sys

from core.parent_death import die_with_parent

if __name__ == "__main__":
    die_with_parent(int(sys.argv[1]))
    sys.argv = sys.argv[2:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
