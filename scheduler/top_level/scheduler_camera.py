"""`import scheduler_camera`: that of `scheduler/telescope/driver/`, under the name that existing programs know."""

import sys

from scheduler.telescope.driver import scheduler_camera

# The same module, not a copy of its names: its state is there once.
sys.modules[__name__] = scheduler_camera
