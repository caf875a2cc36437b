"""libgphoto2's error codes as sentences that say what to do."""

from __future__ import annotations

from typing import Literal

from cameras.drivers.base import CameraError
from cameras.drivers.gphoto2.device_holders import held_sentence

Reason = Literal["camera_error", "camera_unreachable", "camera_held"]

UNSUPPORTED = -6
CLAIMED = frozenset({-53, -60})
ABSENT = frozenset({-52, -105})
ON_THE_WIRE = frozenset({-7, -10, -34, -35})
NOT_THERE = frozenset({-107, -108})
"""The folder or file is not on the card."""
NO_WIDGET = frozenset({-1, -2, -6})
"""A setting that this camera does not have, or that cannot be read or set."""

CHECK_CABLE = "Check that it is switched on and awake, its cable, and that it is in PTP (not mass storage) mode."

SENTENCES = {
    -3: "The camera, or libgphoto2, is out of memory: empty its card, or switch it off and on.",
    UNSUPPORTED: "The camera does not support this over USB; libgphoto2's list of cameras says what it does.",
    -107: "The camera no longer has the folder of the picture: its card was changed or emptied.",
    -108: "The camera no longer has the picture: its card was changed or emptied.",
    -110: "The camera is busy with something else: leave its menus and picture review, and try again.",
    -112: "The camera cancelled the operation: look at its display.",
    -113: "The camera reports a fault of its own: look at its display.",
    -115: "The camera's card is full. Empty it, or set capture_target to memory.",
}
UNKNOWN = "The camera reports an error without saying which: look at its display (focus, card, battery, mode dial)."


def camera_error(code: int, port: str, *, gone: bool = False, before_shutter: bool = False) -> CameraError:
    """The CameraError of a code. `gone`: the camera is no longer listed at `port`."""
    if gone or code in ABSENT:
        sentence, reason = f"The camera at {port} does not answer. {CHECK_CABLE}", _UNREACHABLE
    elif code in CLAIMED:
        sentence, reason = held_sentence(port), _HELD
    elif code in ON_THE_WIRE:
        sentence, reason = f"The connection to the camera at {port} broke. {CHECK_CABLE}", _UNREACHABLE
    else:
        sentence, reason = SENTENCES.get(code, UNKNOWN), _ERROR
    return CameraError(
        f"{sentence} (libgphoto2 error {code})",
        reason=reason,
        permanent=code == UNSUPPORTED and not gone,
        before_shutter=before_shutter,
    )


_UNREACHABLE: Reason = "camera_unreachable"
_HELD: Reason = "camera_held"
_ERROR: Reason = "camera_error"
