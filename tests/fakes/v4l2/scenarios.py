"""What is done with the fake camera, each in a process of its own; the answer goes out as JSON."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from cameras.drivers.base import CameraError, ExposureRequest, FrameData, SystemClock
from cameras.drivers.opencv import OpencvDriver

DEVICE = Path(os.environ.get("FAKE_V4L2", ""))
clock = SystemClock()
driver = OpencvDriver("/dev/video9", clock)


def soon(seconds: float = 5) -> float:
    return clock.monotonic() + seconds


def number(frame: FrameData | None) -> int | None:
    """The camera counts its frames in blue."""
    return None if frame is None else int(frame.image[0, 0, 2])


def green(frame: FrameData | None) -> int | None:
    """The camera shows its exposure control in green."""
    return None if frame is None else int(frame.image[0, 0, 1])


def failure(call: Any) -> list[str]:
    try:
        call()
    except CameraError as error:
        return [error.reason, str(error)]
    return []


def streams() -> Any:
    driver.open(soon())
    frames = [driver.frame(soon()) for _ in range(5)]
    return {"numbers": [number(frame) for frame in frames], "red": int(frames[0].image[0, 0, 0]) if frames[0] else 0}


def pauses() -> Any:
    """A pause of a second in which nobody reads: how old, in frames, is the first one after it?"""
    driver.open(soon())
    before = number(driver.frame(soon())) or 0
    time.sleep(1)
    return (number(driver.frame(soon())) or 0) - before


def applies() -> Any:
    driver.open(soon())
    applied = driver.apply({"exposure_us": 5000, "fps": 25, "width": 64, "height": 48, "gain": 2.0}, soon())
    return {"actual": applied.actual, "warnings": applied.warnings, "shape": shape(driver.frame(soon()))}


def shape(frame: FrameData | None) -> list[int]:
    return [] if frame is None else list(frame.image.shape)


def balances() -> Any:
    Path(f"{DEVICE}.balance").touch()
    driver.open(soon())
    before = driver.apply({}, soon()).actual["white_balance_k"]
    return [before, driver.apply({"white_balance_k": 5600}, soon()).actual["white_balance_k"]]


def dated() -> Any:
    """After a pause the first frame of the queue is taken late: how late, in seconds, and what does it say?"""
    driver.open(soon())
    driver.frame(soon())
    time.sleep(0.3)
    frame = driver.frame(soon())
    assert frame is not None
    age = clock.monotonic() - frame.monotonic
    return [age, clock.wall_ns() / 1e9 - frame.captured_ns / 1e9]


def unplugged_unseen() -> Any:
    driver.open(soon())
    DEVICE.unlink()
    return failure(driver.temperature)


def overrides() -> Any:
    driver.open(soon())
    driver.apply({"exposure_us": 5000}, soon())
    exposure = driver.expose(ExposureRequest(exposure_us=20_000), soon())
    after = driver.apply({}, soon()).actual["exposure_us"]
    return {"actual": exposure.actual["exposure_us"], "seen": green(exposure.frame), "after": after}


def still_in_a_stream() -> Any:
    driver.open(soon())
    frames = [driver.frame(soon()) for _ in range(3)]
    still = driver.expose(ExposureRequest(), soon()).frame
    frames += [driver.frame(soon()) for _ in range(6)]
    return {"numbers": [number(frame) for frame in frames], "still": number(still)}


def exceeds() -> Any:
    driver.open(soon())
    exposure = driver.expose(ExposureRequest(exposure_us=100_000), soon())
    return {"actual": exposure.actual["exposure_us"], "warnings": exposure.warnings}


def stalls() -> Any:
    driver.open(soon())
    Path(f"{DEVICE}.stall").touch()
    time.sleep(0.3)
    began = clock.monotonic()
    error = failure(lambda: [driver.expose(ExposureRequest(), soon(0.3)) for _ in range(5)])
    return {"error": error, "seconds": clock.monotonic() - began}


def silent() -> Any:
    """It is still there and says nothing, while the stream is asked for again and again."""
    driver.open(soon())
    Path(f"{DEVICE}.stall").touch()
    time.sleep(0.3)
    return failure(lambda: [driver.frame(soon(0.5)) for _ in range(20)])


def unplugged() -> Any:
    driver.open(soon())
    DEVICE.unlink()
    error = failure(lambda: [driver.frame(soon(1)) for _ in range(10)])
    driver.close()
    return error


def replugged() -> Any:
    unplugged()
    DEVICE.touch()
    driver.open(soon())
    return number(driver.frame(soon()))


def busy() -> Any:
    Path(f"{DEVICE}.busy").touch()
    return failure(lambda: driver.open(soon()))


if __name__ == "__main__":
    print(json.dumps(globals()[sys.argv[1]]()))
    driver.close()
