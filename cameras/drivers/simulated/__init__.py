"""The simulated camera: a driver like the others, and the only one whose frames can each be verified."""

from cameras.drivers.simulated.codec import read_frame_number
from cameras.drivers.simulated.driver import SimulatedDriver, SimulatedSettings

__all__ = ["SimulatedDriver", "SimulatedSettings", "read_frame_number"]
