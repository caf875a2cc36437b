"""The vendor's SDK through its Python wrapper, which loads it when imported, and the messages when that fails or a
function returns an error: each says what to do."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from functools import cache
from typing import Any

from cameras.drivers.base import CameraError
from core.device_holders import (
    ANOTHER_PROGRAM,
    CameraDevice,
    DeviceHolder,
    find_holders,
    format_holders_with_commands,
    usb_device_node,
)

LIBRARY = "libPxLApi.so"
INSTALL = (
    "Install the PixeLink SDK for Linux (https://www.navitar.com/products/pixelink-cameras/pixelink-sdk), set "
    "PIXELINK_SDK_LIB to the folder that holds libPxLApi.so, add that folder to LD_LIBRARY_PATH, and start Skycam "
    "again."
)
UNKNOWN_VERSION = b"99.99.99.99"
"""New enough for every wrapper, so that it prints no warning."""


class SdkError(Exception):
    """A function of the SDK failed; `code` is its return code, unsigned as in the vendor's documents."""

    def __init__(self, code: int) -> None:
        super().__init__(f"{code & 0xFFFFFFFF:#x}")
        self.code = code & 0xFFFFFFFF


@cache
def library() -> Any:
    """The wrapper's class PxLApi; CameraError says what is missing. A failure is not cached."""
    try:
        # `cache` keeps no exceptions, so an SDK that is installed later is found by the next opening.
        return imported()
    except ImportError as error:
        raise CameraError(f"pixelinkWrapper cannot be imported ({error}): pip install pixelinkWrapper") from None
    # pixelinkWrapper's import raises each of these, depending on which part of the SDK is missing.
    except (OSError, ValueError, subprocess.CalledProcessError, IndexError, AttributeError) as error:
        raise CameraError(broken(error)) from None


def imported() -> Any:
    try:
        from pixelinkWrapper import PxLApi
    except FileNotFoundError:
        with without_wmic():
            from pixelinkWrapper import PxLApi
    return PxLApi


@contextlib.contextmanager
def without_wmic() -> Iterator[None]:
    """pixelinkWrapper 1.4 on Windows runs `wmic` to find the SDK's version, which newer versions of Windows do not
    have. In this context a missing program returns a version instead of failing."""
    check_output = subprocess.check_output

    def check_output_or_version(*arguments: Any, **options: Any) -> Any:
        try:
            return check_output(*arguments, **options)
        except FileNotFoundError:
            return UNKNOWN_VERSION

    subprocess.__dict__["check_output"] = check_output_or_version
    try:
        yield
    finally:
        subprocess.__dict__["check_output"] = check_output


def broken(error: Exception) -> str:
    """A sentence for the exception of the wrapper's import: what is missing, and how to install it."""
    folder = os.environ.get("PIXELINK_SDK_LIB", "")
    where = f"PIXELINK_SDK_LIB ({folder})" if folder else "PIXELINK_SDK_LIB, which is not set,"
    # The loader names the first file that it cannot open: another one is a dependency of the library.
    if isinstance(error, OSError) and f"{LIBRARY}: cannot open" not in str(error):
        missing = f"`ldd {LIBRARY}` lists what is missing"
        return f"The PixeLink SDK is installed but cannot be loaded ({error}): {missing}. {INSTALL}"
    if isinstance(error, OSError):
        return f"The PixeLink SDK is missing: {LIBRARY} is in no folder of LD_LIBRARY_PATH. {INSTALL}"
    if isinstance(error, subprocess.CalledProcessError):
        return f"{where} is not a folder that can be searched for the PixeLink SDK's version. {INSTALL}"
    if isinstance(error, (ValueError, IndexError)):
        return (
            f"The version of the PixeLink SDK is unknown: {where} holds no file such as {LIBRARY}.4.2.6.30, with four "
            f"numbers, beside {LIBRARY}. {INSTALL}"
        )
    return f"The PixeLink SDK is not what pixelinkWrapper expects ({error}). {INSTALL}"


def call(name: str, *arguments: Any) -> tuple[Any, ...]:
    """Call the wrapper's function `name`; returns its results without the return code. SdkError, or CameraError if this
    SDK lacks the function."""
    try:
        code, *results = getattr(library(), name)(*arguments)
    except AttributeError as error:
        raise CameraError(f"This PixeLink SDK is too old or damaged ({error}). {INSTALL}", permanent=True) from None
    # Positive codes are warnings, such as 1: parameters were changed by the SDK.
    if code < 0:
        raise SdkError(code)
    return tuple(results)


def version() -> str:
    """The SDK's version, from its file name: `4.2.6.30`."""
    # The wrapper has no public name for it.
    return str(library()._curApiVersion)  # noqa: SLF001


def name_of(code: int) -> str:
    """The vendor's name of a return code: `ApiHardwareError 0x80000009`."""
    names = [name for name, value in vars(library().ReturnCode).items() if isinstance(value, int) and value < 0]
    found = [name for name in names if getattr(library().ReturnCode, name) & 0xFFFFFFFF == code]
    return " ".join([*found[:1], f"{code:#x}"])


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
