"""What a simulated controller is like."""

from __future__ import annotations

import math
from dataclasses import dataclass

from scheduler.telescope.driver.protocol import PROFILES, Profile, ProfileName

READOUT_S = 8.5
FETCH_S = 3.3
"""With READOUT_S a single exposure of 1.5 s takes 13.3 s, as a real controller was seen to need."""
HIGHEST_PORT = 65_535
LIMITS: dict[str, tuple[float, float, str]] = {
    "command_port": (0, HIGHEST_PORT, "0 chooses a free port"),
    "status_port": (0, HIGHEST_PORT, "0 chooses a free port"),
    "speed": (0.01, 100_000, "10 divides all times by ten"),
    "readout_s": (0, 3600, "seconds"),
    "fetch_s": (0, 3600, "seconds"),
    "width": (32, 4096, "pixels of a CCD"),
    "height": (32, 8192, "pixels of a CCD"),
    "ra_h": (0, 24, "hours of right ascension"),
    "dec_deg": (-90, 90, "degrees of declination"),
    "seed": (0, 2**32 - 1, "of noise and faults"),
}
"""Option -> the lowest and highest value, and what it is."""
CONTROLLERS = (1, 4)


@dataclass(frozen=True, slots=True)
class SimulatorOptions:
    """ValueError for a value that is out of its limits. The defaults suit the C scheduler of 2025."""

    profile: ProfileName = "2025"
    host: str = "127.0.0.1"
    command_port: int | None = None
    """None: that of the profile. 0: a free one."""
    status_port: int | None = None
    controllers: int = 4
    is_strict: bool = False
    """Exactly as the real controller: `header` needs quote marks around several words, and a client that stays
    connected after its reply stops both ports."""
    is_closing: bool = True
    """Each reply is one segment of at most 1023 bytes, after which the connection is closed."""
    speed: float = 1.0
    readout_s: float = READOUT_S
    fetch_s: float = FETCH_S
    folder: str = ""
    """Where FITS files are written; empty: nowhere."""
    width: int = 512
    """Of a CCD, in pixels without the overscan."""
    height: int = 1024
    ra_h: float = 5.5
    """Where the telescope points if the header words do not say it."""
    dec_deg: float = -30.0
    seed: int = 0

    def __post_init__(self) -> None:
        if self.profile not in PROFILES:
            raise ValueError(f"{self.profile!r} is no profile; the profiles are {', '.join(PROFILES)}.")
        if self.controllers not in CONTROLLERS:
            raise ValueError(f"{self.controllers} controllers are not possible; the camera has 1 or 4.")
        for name, (lowest, highest, what) in LIMITS.items():
            value = getattr(self, name)
            if value is not None and not (math.isfinite(value) and lowest <= value <= highest):
                raise ValueError(f"{name} is {value}; allowed is {lowest:g} to {highest:g} ({what}).")

    @property
    def version(self) -> Profile:
        return PROFILES[self.profile]

    @property
    def ports(self) -> tuple[int, int]:
        """Of commands and of status, as they are asked for."""
        version = self.version
        return (
            version.command_port if self.command_port is None else self.command_port,
            version.status_port if self.status_port is None else self.status_port,
        )

    def scaled_s(self, seconds: float) -> float:
        """How long it takes here what takes a real controller `seconds`."""
        return seconds / self.speed
