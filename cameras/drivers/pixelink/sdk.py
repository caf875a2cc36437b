"""The vendor's SDK through its Python wrapper, which loads it when imported, and the messages when that fails."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from functools import cache
from typing import Any

from cameras.drivers.base import CameraError

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
