"""The simulated camera: a driver like the others, and the only one whose frames can be verified one by one."""

from cameras.drivers.simulated.codec import read_frame_number
from cameras.drivers.simulated.driver import SimulatedDriver, SimulatedSettings

__all__ = ["SimulatedDriver", "SimulatedSettings", "read_frame_number"]
