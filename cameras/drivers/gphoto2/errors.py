"""The messages for libgphoto2's error codes: each says what to do."""

from __future__ import annotations

from typing import Literal

from cameras.drivers.base import CameraError
from cameras.drivers.gphoto2.device_holders import held_sentence

Reason = Literal["camera_error", "camera_unreachable", "camera_held"]

# Numbers and not the library's names: importing gphoto2 is slow, and only `session.library` does it.
UNSUPPORTED = -6
CLAIMED = frozenset({-53, -60})  # GP_ERROR_IO_USB_CLAIM, GP_ERROR_IO_LOCK
ABSENT = frozenset({-52, -105})  # GP_ERROR_IO_USB_FIND (with port and model preset), GP_ERROR_MODEL_NOT_FOUND
CONNECTION_BROKEN = frozenset({-7, -10, -34, -35})  # GP_ERROR_IO, _TIMEOUT, _IO_READ, _IO_WRITE
NOT_ON_CARD = frozenset({-107, -108})
"""The folder or file is not on the card."""
NO_WIDGET = frozenset({-1, -2, -6})
"""A setting that this camera does not have, or that cannot be read or set."""

CHECK_CABLE = "Check that it is switched on and awake, its cable, and that it is in PTP (not mass storage) mode."

SENTENCES = {
    -3: "The camera, or libgphoto2, is out of memory: empty its card, or switch it off and on.",
    UNSUPPORTED: "The camera does not support this over USB; see libgphoto2's list of supported cameras.",
    -107: "The camera no longer has the folder of the picture: its card was changed or emptied.",
    -108: "The camera no longer has the picture: its card was changed or emptied.",
    -110: "The camera is busy: leave its menus and picture review, and try again.",
    -112: "The camera cancelled the operation: check its display.",
    -113: "The camera reports a fault of its own: check its display.",
    -115: "The camera's card is full. Empty it, or set capture_target to memory.",
}
UNKNOWN = "The camera reports an unspecified error: check its display (focus, card, battery, mode dial)."


def camera_error(code: int, port: str, *, gone: bool = False, before_shutter: bool = False) -> CameraError:
    """The CameraError of a code. `gone`: the camera is no longer listed at `port`."""
    # `gone` first: after unplugging, the codes are those of other causes, such as -2 of a missing setting.
    if gone or code in ABSENT:
        sentence, reason = f"The camera at {port} does not answer. {CHECK_CABLE}", _UNREACHABLE
    elif code in CLAIMED:
        sentence, reason = held_sentence(port), _HELD
    elif code in CONNECTION_BROKEN:
        sentence, reason = f"The connection to the camera at {port} was lost. {CHECK_CABLE}", _UNREACHABLE
    else:
        sentence, reason = SENTENCES.get(code, UNKNOWN), _ERROR
    return CameraError(
        f"{sentence} (libgphoto2 error {code})",
        reason=reason,
        # -6 of a camera that is gone says nothing about the one that is plugged in next.
        permanent=code == UNSUPPORTED and not gone,
        before_shutter=before_shutter,
    )


_UNREACHABLE: Reason = "camera_unreachable"
_HELD: Reason = "camera_held"
_ERROR: Reason = "camera_error"
