"""Discovery: lists the attached cameras, and opens a session for a serial number."""

from __future__ import annotations

import math

from cameras.drivers.base import CameraError, Clock, SystemClock
from cameras.drivers.pixelink.sdk import CHECK_CABLE, IN_USE, SdkError, camera_error, find_holders_of, library, serials
from cameras.drivers.pixelink.session import Session
from core.device_holders import ANOTHER_PROGRAM, format_holders

LARGEST = 0xFFFFFFFF  # PxLInitializeEx takes the serial number as U32


def check_address(address: str) -> str:
    """The serial number without spaces and leading zeros; ValueError with a sentence for a bad one."""
    address = address.strip()
    if not address:
        return ""
    # Cut before int(), which raises a ValueError of its own for more than 4300 digits. isdecimal() alone accepts the
    # digits of all scripts.
    if not (address.isascii() and address.isdecimal() and 0 < int(address[:20]) <= LARGEST):
        raise ValueError(
            "The address of a PixeLink camera is its serial number, as printed on the camera (a number of at most "
            "10 digits), or empty for the first camera."
        )
    return str(int(address))


def open_session(address: str, clock: Clock, deadline: float) -> Session:
    """Open the camera with that serial number, and stop a stream that another process did not stop."""
    # First: without the SDK the error says how to install it, and not that no camera is attached.
    library()
    serial = _choose_serial(address)
    try:
        # A killed process leaves its camera streaming, and a streaming camera refuses several settings.
        return Session(serial, clock, deadline, library().InitializeExFlags.ISSUE_STREAM_STOP)
    except SdkError as error:
        raise camera_error(error, serial, before_shutter=True) from None


def describe_camera(serial: str) -> dict[str, str]:
    """Address, model and serial number. A camera in use has `held_by` instead of its model, which cannot be read."""
    try:
        # Without ISSUE_STREAM_STOP: discovery must not stop the stream of another program. No deadline:
        # `cameras.discovery.local` kills the process of a discovery that hangs.
        session = Session(serial, SystemClock(), math.inf)
    except SdkError as error:
        held_by = format_holders(find_holders_of(serial)) or ANOTHER_PROGRAM
        return listed_camera(serial) | ({"held_by": held_by} if error.code == IN_USE else {})
    session.close()
    return listed_camera(serial) | {"model": session.identity.model}


def listed_camera(serial: str) -> dict[str, str]:
    """What the SDK lists, without opening the camera."""
    return {"address": serial, "model": "", "serial": serial}


def attached_serials() -> list[str]:
    """The serial numbers of the attached cameras."""
    try:
        return serials()
    except SdkError as error:
        raise CameraError(f"The PixeLink SDK cannot list its cameras ({error}). Start Skycam again.") from None


def _choose_serial(address: str) -> str:
    found = attached_serials()
    if address in found or (found and not address):
        return address or found[0]
    others = f"attached are {', '.join(found)}" if found else "none is attached"
    wanted = (
        f"No PixeLink camera has the serial number {address}; {others}."
        if address
        else "No PixeLink camera is attached."
    )
    raise CameraError(f"{wanted} {CHECK_CABLE}.", reason="camera_unreachable", before_shutter=True)
