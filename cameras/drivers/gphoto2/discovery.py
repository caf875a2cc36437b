"""Discovery: lists the attached cameras, and opens a session for an address. A serial number identifies a camera, a
port does not."""

from __future__ import annotations

import contextlib
import math
import re

from cameras.drivers.base import CameraError, Clock, SystemClock
from cameras.drivers.gphoto2.errors import CHECK_CABLE, camera_error, find_holders, is_claimed
from cameras.drivers.gphoto2.session import Attached, Session, attached, is_listed, library
from core.device_holders import format_holders

PORT = re.compile(r"usb:[0-9]{1,3},[0-9]{1,3}")
SERIAL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def check_address(address: str) -> str:
    """The address, stripped; ValueError with a sentence for a bad one."""
    address = address.strip()
    if address == "" or PORT.fullmatch(address) or SERIAL.fullmatch(address):
        return address
    if address.startswith("/dev/"):
        raise ValueError(
            f"{address[:60]} is a device file, and a DSLR has none. Write its serial number, its USB port such as "
            "usb:001,004, or leave it empty for the first camera; `skycam cameras detect` lists them."
        )
    raise ValueError(
        "The address of a gphoto2 camera is its serial number (letters, digits, dot, hyphen, underscore), "
        "a USB port such as usb:001,004, or empty for the first camera."
    )


def open_session(address: str, clock: Clock, deadline: float) -> Session:
    """Open the camera of that address; CameraError camera_unreachable or camera_held when it cannot be opened."""
    cameras = cameras_on_usb()
    if not cameras:
        raise CameraError(f"No camera answers over USB. {CHECK_CABLE}", reason="camera_unreachable")
    if address == "":
        # If Skycam has all of them open, opening the first one gives the error that names what holds it.
        return _open(next(filter(_is_free, cameras), cameras[0]), clock, deadline)
    if PORT.fullmatch(address):
        return _open(_at_port(address, cameras), clock, deadline)
    return _open_by_serial(address, cameras, clock, deadline)


def describe_camera(camera: Attached) -> dict[str, str]:
    """Address, model and serial number. A camera that cannot be opened has its port as address, and `held_by`. A camera
    that Skycam has open is not opened again."""
    if is_claimed(camera.port):
        return listed_camera(camera)
    try:
        # No deadline: `cameras.discovery.local` kills the process of a discovery that hangs.
        session = Session(camera, SystemClock(), math.inf)
    except library().GPhoto2Error:
        held_by = format_holders(find_holders(camera.port))
        return listed_camera(camera) | ({"held_by": held_by} if held_by else {})
    with contextlib.suppress(library().GPhoto2Error):
        session.exit()
    serial = session.identity.serial
    return {"address": serial or camera.port, "model": camera.model, "serial": serial}


def listed_camera(camera: Attached) -> dict[str, str]:
    """What USB lists, without opening the camera."""
    return {"address": camera.port, "model": camera.model, "serial": ""}


def cameras_on_usb() -> list[Attached]:
    try:
        return attached()
    except library().GPhoto2Error as error:
        raise camera_error(error.code, "USB") from None


def _open(camera: Attached, clock: Clock, deadline: float) -> Session:
    try:
        return Session(camera, clock, deadline)
    except library().GPhoto2Error as error:
        # The code for an unplugged camera depends on the call (-1, -2, -7), so the list of USB devices decides.
        raise camera_error(error.code, camera.port, gone=not is_listed(camera.port)) from None


def _at_port(port: str, cameras: list[Attached]) -> Attached:
    for camera in cameras:
        if camera.port == port:
            return camera
    raise CameraError(
        f"No camera is at {port}; attached are {_list_cameras(cameras)}. "
        "Ports change when a camera is replugged: use the serial number as the address.",
        reason="camera_unreachable",
    )


def _open_by_serial(serial: str, cameras: list[Attached], clock: Clock, deadline: float) -> Session:
    """Cameras that Skycam has open are skipped, and one that is held or faulty does not end the search."""
    failure: CameraError | None = None
    for camera in filter(_is_free, cameras):
        try:
            session = _open(camera, clock, deadline)
            if _has_serial(session, serial):
                return session
        except CameraError as error:
            failure = error
    raise failure or CameraError(
        f"No camera has the serial number {serial}; attached are {_list_cameras(cameras)}. {CHECK_CABLE}",
        reason="camera_unreachable",
    )


def _has_serial(session: Session, serial: str) -> bool:
    """Whether the camera has this serial number. If not, or on an error, its session is ended."""
    with contextlib.ExitStack() as undo:
        # Before the reading, which may fail: a session that is not returned must not keep the camera claimed.
        undo.callback(session.exit)
        try:
            # Canon EOS bodies have a second serial number in a widget of their own; users may enter either.
            found = serial in (session.identity.serial, session.text("eosserialnumber"))
        except library().GPhoto2Error as error:
            raise camera_error(error.code, session.port, gone=not is_listed(session.port)) from None
        if found:
            undo.pop_all()
        return found


def _is_free(camera: Attached) -> bool:
    return not is_claimed(camera.port)


def _list_cameras(cameras: list[Attached]) -> str:
    in_use = {camera.port: "" if _is_free(camera) else " (in use by Skycam)" for camera in cameras}
    return ", ".join(f"{camera.model} at {camera.port}{in_use[camera.port]}" for camera in cameras)
