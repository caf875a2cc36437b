"""The launcher: one command starts every part of a station, watches it, and stops it.

Nothing here imports Django, except `prepare`, `first_start` and `restart_journal.record_restarts`, which run in parts.
"""

from __future__ import annotations

from skycam_project.launch.control import ps, restart
from skycam_project.launch.errors import LaunchError
from skycam_project.launch.launcher import up

__all__ = ["LaunchError", "ps", "restart", "up"]
