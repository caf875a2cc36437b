"""Discovery of V4L2 devices, the programs that hold them, and errors of devices that deliver no frames."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Collection

from cameras.drivers.base import CameraError
from cameras.drivers.opencv import v4l2
from core.device_holders import ANOTHER_PROGRAM, find_holders, format_holders, format_holders_with_commands

REAL = re.compile(r"/dev/video\d+")
BY_ID = "/dev/v4l/by-id"


def attached_devices(held: Collection[str] = ()) -> list[dict[str, str]]:
    """The devices of this machine that give pictures, with their persistent names in `/dev/v4l/by-id` where they have
    one. Those at a location in `held` are not opened."""
    names = sorted(os.listdir(BY_ID)) if os.path.isdir(BY_ID) else []
    # Reversed, so that of several names for one device the first in alphabetical order remains.
    persistent = {os.path.realpath(f"{BY_ID}/{name}"): f"{BY_ID}/{name}" for name in reversed(names)}
    devices = sorted(f"/dev/{name}" for name in os.listdir("/dev") if REAL.fullmatch(f"/dev/{name}"))
    found = {device: _list_device(device) if device in held else _describe_device(device) for device in devices}
    return [
        {**description, "address": persistent.get(device, device)}
        for device, description in found.items()
        if description
    ]


def _describe_device(device: str) -> dict[str, str] | None:
    """None for a device that gives no pictures. With `held_by` if another program streams from it."""
    try:
        with v4l2.open_node(device) as node:
            card, busy = node.card(), node.busy()
    except OSError as error:
        # A device that cannot be queried is still listed: it may be a camera that lacks permissions or is in use.
        card, busy = None, error.errno == errno.EBUSY
    if card is not None and not card.captures:
        return None
    description = _list_device(device) if card is None else {"model": card.name, "serial": ""}
    return {**description, "held_by": format_holders(find_holders(device)) or ANOTHER_PROGRAM} if busy else description


def _list_device(device: str) -> dict[str, str]:
    """What the kernel lists, without opening the device."""
    number = os.path.basename(device)
    try:
        with open(f"/sys/class/video4linux/{number}/name", encoding="utf-8", errors="replace") as file:
            return {"model": file.read().strip(), "serial": ""}
    except OSError:
        return {"model": "", "serial": ""}


def device_node(path: str) -> str:
    """The `/dev/videoN` behind a device's path; CameraError when it is missing or may not be used."""
    found = os.path.realpath(path)
    if not os.path.exists(found):
        raise CameraError(
            f"There is no device {path}. Plug the camera in, or find its name in {BY_ID}.",
            reason="camera_unreachable",
        )
    # The address was checked, but not where its link below /dev/v4l leads.
    if not REAL.fullmatch(found):
        raise CameraError(f"{path} is not a video device. Give /dev/video0 or {BY_ID}/...", permanent=True)
    if not os.access(found, os.R_OK | os.W_OK):
        raise CameraError(f"Skycam may not use {path}. Add the user that runs Skycam to the group `video`.")
    return found


def start_error(path: str, found: str) -> CameraError:
    """The error of a device `found` (at `path`) that OpenCV could not start."""
    try:
        with v4l2.open_node(found) as node:
            pictures, busy = node.card().captures, node.busy()
    except OSError as error:
        # OpenCV reports no cause, so the device is queried after it has failed.
        pictures, busy = True, error.errno == errno.EBUSY
    if busy:
        return _held_error(path, found)
    if not pictures:
        return CameraError(
            f"{path} gives no pictures: it is another device of the same camera. "
            "`skycam cameras detect` lists the one that gives pictures.",
            permanent=True,
        )
    return CameraError(
        f"{path} could not be started: OpenCV reads none of its pixel formats, or it is faulty. Plug it in again, "
        f"and check it with `v4l2-ctl -d {found} --list-formats-ext`.",
        reason="camera_unreachable",
    )


def _held_error(path: str, found: str) -> CameraError:
    listed = format_holders_with_commands(find_holders(found))
    holder = f"by {listed}" if listed else f"by {ANOTHER_PROGRAM}. Close it; `sudo fuser -v {found}` names it"
    return CameraError(f"{path} is held {holder}.", reason="camera_held")


def read_error(path: str, found: str) -> CameraError:
    """The error of an open device that delivers no frames."""
    if os.path.exists(found):
        message = f"{path} delivers no frames. Open it again; if it happens often, change its cable or port."
    else:
        message = f"{path} is gone. Plug the camera in again."
    return CameraError(message, reason="camera_unreachable")
