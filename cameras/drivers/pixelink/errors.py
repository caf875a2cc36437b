"""The messages for the SDK's return codes: each says what to do."""

from __future__ import annotations

from collections.abc import Iterator

from cameras.drivers.base import CameraError
from cameras.drivers.pixelink.sdk import SdkError, call, name_of
from core.device_holders import (
    ANOTHER_PROGRAM,
    CameraDevice,
    DeviceHolder,
    find_holders,
    format_holders_with_commands,
    usb_device_node,
)

IN_USE = 0x80000007
TIMED_OUT = 0x9000000C
NOT_WHILE_STREAMING = 0x9000001B
UNSUPPORTED_FORMAT = 0x90000020
PERHAPS_GONE = frozenset(
    {0x80000002, 0x80000008, 0x80000009, 0x80000011, 0x80000017, TIMED_OUT, 0x90000007, 0x90000010}
)
"""An unplugged camera may cause any of these."""
# 0x80000003 (invalid parameter) is also the answer to a value out of range.
REFUSED = frozenset({0x80000003, 0x80000006, 0x80000016, 0x90000016, 0x9000001A, UNSUPPORTED_FORMAT, 0x9000002C})
"""The camera refuses a value and keeps its own."""

CHECK_CABLE = "Check its cable and its power"
SENTENCES = {
    0x8000000B: "shares its bus with too many others: use another USB controller, or a lower frame rate.",
    0x8000000C: "does not get the memory that it needs: raise usbfs_memory_mb, as the SDK's notes say.",
    0x80000012: "stopped its stream: another program may have stopped it.",
    0x9000001C: "may not be opened by the user that runs Skycam: install the SDK's udev rules, and replug the camera.",
}


def serials() -> list[str]:
    """The serial numbers of the attached cameras, including those in use, in the SDK's order."""
    (cameras,) = call("getNumberCameras")
    return [str(camera.CameraSerialNum) for camera in cameras if camera.CameraSerialNum]


def is_listed(serial: str) -> bool:
    try:
        return serial in serials()
    except SdkError:
        return False


def find_holders_of(serial: str) -> Iterator[DeviceHolder]:
    return find_holders(usb_device_node(serial), camera=CameraDevice("pixelink", serial))


def camera_error(error: SdkError, serial: str, *, before_shutter: bool = False) -> CameraError:
    """The CameraError of a failed call. A camera that is no longer listed counts as unplugged, whatever the code."""
    camera, code_name = f"The PixeLink camera {serial}", f"({name_of(error.code)})"
    if error.code == IN_USE:
        holder = format_holders_with_commands(find_holders_of(serial)) or (
            f"{ANOTHER_PROGRAM} (PixeLINK Capture, a script, another Skycam; close it)"
        )
        return CameraError(f"{camera} is in use by {holder}. {code_name}", reason="camera_held")
    # The code alone does not tell: an unplugged camera gives any of several, also that of a time-out.
    if error.code in PERHAPS_GONE and not is_listed(serial):
        sentence = f"is no longer attached. {CHECK_CABLE}; Skycam reopens it when it is back."
    elif error.code == TIMED_OUT:
        sentence = f"sent no frame in several tries. {CHECK_CABLE}, and that it is not waiting for a trigger."
    elif error.code in PERHAPS_GONE:
        sentence = f"lost its connection. {CHECK_CABLE}; Skycam reopens it."
    else:
        sentence = SENTENCES.get(error.code, "reports an error. Open it again, or switch it off and on.")
        return CameraError(f"{camera} {sentence} {code_name}", before_shutter=before_shutter)
    return CameraError(f"{camera} {sentence} {code_name}", reason="camera_unreachable", before_shutter=before_shutter)
