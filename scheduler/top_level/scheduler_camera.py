"""`import scheduler_camera`: the module is `scheduler.telescope.driver.scheduler_camera`, under the name that existing programs know."""

import sys

from scheduler.telescope.night.driver import scheduler_camera

# The same module, not a copy of its names: its state is there once.
sys.modules[__name__] = scheduler_camera
