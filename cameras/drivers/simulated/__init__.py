"""A camera made of arithmetic: a peer of the real ones, and the only one whose frames can be checked one by one."""

from cameras.drivers.simulated.codec import read_frame_number
from cameras.drivers.simulated.driver import SimulatedDriver, SimulatedSettings

__all__ = ["SimulatedDriver", "SimulatedSettings", "read_frame_number"]
