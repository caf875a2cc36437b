"""The constants of the scheduler's camera module, in the three versions that are in use.

Times are in the unit of their name: `_s` seconds. The names of the C constants stand beside them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

HOST = "pco-nuc"
COMMAND_DELAY_S = 0.1
"""COMMAND_DELAY_USEC: the pause after a command on the same port."""
COMMAND_TIMEOUT_S = 5.0
"""CAMERA_TIMEOUT_SEC, of a command that is answered at once."""
CLEAR_S = 20
"""CLEAR_TIME."""
TRANSFER_S = 10.0
"""TRANSFER_TIME_SEC: the longest time in which an image comes from the controller to its host."""
MARGIN_S = 5.0
"""What a command may take beyond what it is expected to take."""
POLL_S = 0.1
"""Between two looks at the status, or at the end of a readout."""
BAD_READOUT_S = 60.0
"""BAD_READOUT_TIME."""
BUFFER_BYTES = 1024
"""MAXBUFSIZE: neither a command nor a reply for the C client has more, its NUL included."""

ONE_AMPLIFIER_READOUT_S = 40.0

ProfileName = Literal["seed", "2025", "2026"]


@dataclass(frozen=True, slots=True)
class Profile:
    """One version of the scheduler."""

    command_port: int
    status_port: int
    has_status_channel: bool
    """Whether the controller answers `status` on a port of its own, also during an exposure."""
    readout_s: float
    """READOUT_TIME_SEC, by which the time-outs are computed."""
    overhead_s: float
    """EXPOSURE_OVERHEAD, by which a scheduler plans: what an exposure takes beyond its exposure time."""
    clears: int
    """NUM_CAMERA_CLEARS: how often a scheduler clears the camera when it should be cleared."""
    clear_s: int
    """The seconds that the command `clear` names."""
    has_observatory: bool
    """Whether the header words include `observat`, as the third."""

    def with_one_amplifier(self) -> Profile:
        """Of each CCD only one amplifier is read: that takes ONE_AMPLIFIER_READOUT_S. The seed's values stay."""
        if self.readout_s == ONE_AMPLIFIER_READOUT_S:
            return self
        longer_s = ONE_AMPLIFIER_READOUT_S - self.readout_s
        return replace(
            self, readout_s=ONE_AMPLIFIER_READOUT_S, overhead_s=self.overhead_s + longer_s,
            clear_s=self.clear_s + round(longer_s),
        )  # fmt: skip


PROFILES: dict[ProfileName, Profile] = {
    "seed": Profile(
        command_port=5000, status_port=5001, has_status_channel=False, readout_s=40.0, overhead_s=40.0 + 5.0,
        clears=0, clear_s=CLEAR_S, has_observatory=False,
    ),
    "2025": Profile(
        command_port=6000, status_port=6001, has_status_channel=True, readout_s=20.0, overhead_s=20.0 + TRANSFER_S,
        clears=1, clear_s=25, has_observatory=False,
    ),
    "2026": Profile(
        command_port=6000, status_port=6001, has_status_channel=True, readout_s=20.0, overhead_s=20.0 + TRANSFER_S,
        clears=1, clear_s=25, has_observatory=True,
    ),
}  # fmt: skip
