"""The launcher: one command starts every part of a station, supervises it, and stops it.

The launcher itself does not import Django. Only code that runs in other processes does: `prepare`, `first_start`,
`restart_journal.record_restarts` and `restart_journal.report_crash_loops`.
"""

from __future__ import annotations

from skycam_project.launch.control import ps, restart
from skycam_project.launch.launcher import up
from skycam_project.launch.preflight import LaunchError

__all__ = ["LaunchError", "ps", "restart", "up"]
