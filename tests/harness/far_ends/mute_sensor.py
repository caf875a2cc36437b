"""The process of a sensor that closes its output and does not end, as one does that waits for a serial port to close:
`python -m tests.harness.far_ends.mute_sensor PARENT`."""

from __future__ import annotations

import os
import time

if __name__ == "__main__":
    os.close(1)
    time.sleep(600)
