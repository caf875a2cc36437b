"""The process of a sensor whose driver prints: `python -m tests.harness.far_ends.printing_sensor PARENT`."""

from __future__ import annotations

import sys

from monitoring.sensors import child, driver
from monitoring.sensors.driver import Sample
from monitoring.sensors.drivers.simulated import SimulatedSensor


class PrintingSensor(SimulatedSensor):
    def read(self, deadline_s: float) -> list[Sample]:
        print("reading", flush=True)
        return super().read(deadline_s)


if __name__ == "__main__":
    driver.SENSORS["simulated"] = ("", f"{__name__}.PrintingSensor")
    child.main(int(sys.argv[1]))
