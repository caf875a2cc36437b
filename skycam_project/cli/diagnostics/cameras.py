"""Checks of cameras: those on USB are attached, permitted to this user, and claimed by no other program or driver;
the PixeLink SDK, where such a camera is used. They go on without a database."""

from __future__ import annotations

import grp
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cameras.supervision.usb import RULES, UsbBus, UsbDevice, UsbIdentity
from core.device_holders import find_holders, format_holders
from skycam_project.cli.diagnostics.finding import BROKEN, OK, WARNING, Finding
from skycam_project.cli.diagnostics.network import own_processes
from skycam_project.cli.diagnostics.station import user_name
from skycam_project.cli.station import Station


@dataclass(frozen=True, slots=True)
class KnownCamera:
    """`usb` has vendor, product and serial of the USB device that it was opened on; empty for one that never was."""

    slug: str
    kind: str
    usb: dict[str, str]


def known_cameras(station: Station) -> list[KnownCamera]:
    """The cameras in use of this host by the database, if it answers; else those of the configuration."""
    from skycam_project.cli.diagnostics.database import database_error
    from skycam_project.cli.errors import CliError

    try:
        station.set_up_django()
        return stored_cameras(station.config.host)
    except (CliError, database_error()):
        host = station.config.host
        return [KnownCamera(one.id, one.type, {}) for one in station.config.cameras if one.host in {"", host}]


def stored_cameras(host: str) -> list[KnownCamera]:
    from cameras.models import Camera

    rows = Camera.objects.present().filter(host=host, enabled=True).order_by("slug")
    return [KnownCamera(camera.slug, camera.kind, camera.identity.get("usb", {})) for camera in rows]


USB_KINDS = ("gphoto2", "dslr", "pixelink")
"""Kinds of cameras whose drivers open the device node."""
STILL_IMAGE = "06"
"""The USB interface class of cameras that speak PTP."""
HARMLESS_DRIVERS = {"usbfs", "usb", "uvcvideo"}
RULE_FOLDERS = tuple(
    Path(name) for name in ("/etc/udev/rules.d", "/run/udev/rules.d", "/usr/lib/udev/rules.d", "/lib/udev/rules.d")
)
RULES_OF = {"gphoto2": ("gphoto", "70-skycam"), "dslr": ("gphoto", "70-skycam"), "pixelink": ("pixelink", "70-skycam")}
"""Kind -> what the names of its udev rules contain."""


def usb(station: Station) -> Iterator[Finding]:
    yield from usb_findings(UsbBus(), known_cameras(station), own_processes(station.config))


def usb_findings(bus: UsbBus, cameras: list[KnownCamera], own: set[int]) -> Iterator[Finding]:
    """A finding for each known USB camera, and for each attached PTP camera that no known one is."""
    attached = {(found.bus, found.number): found for found in bus.devices()}
    seen = set()
    for camera in (one for one in cameras if one.kind in USB_KINDS and one.usb):
        device = attached_device(bus, camera)
        if device is None:
            remedy = "Switch it on, and check its cable. `lsusb` lists what is attached."
            yield Finding("usb", WARNING, f"{camera.slug} is not attached to USB.", remedy)
            continue
        seen.add((device.bus, device.number))
        yield device_finding(bus, device, camera.slug, own)
    for place, device in attached.items():
        if place not in seen and STILL_IMAGE in interface_classes(bus, device):
            identity = f"{device.identity.vendor}:{device.identity.product}"
            yield device_finding(bus, device, f"The camera {identity} at {device.place}", own)
            seen.add(place)
    if not seen:
        yield Finding("usb", OK, "No USB camera is attached that Skycam opens by its device node.")


def attached_device(bus: UsbBus, camera: KnownCamera) -> UsbDevice | None:
    wanted = UsbIdentity(camera.usb["vendor"], camera.usb["product"], camera.usb.get("serial", ""))
    return bus.find_device(wanted)


def device_finding(bus: UsbBus, device: UsbDevice, name: str, own: set[int]) -> Finding:
    """The first of these that is wrong: the node's mode, a kernel driver, another program."""
    node = bus.nodes / f"{device.bus:03}" / f"{device.number:03}"
    try:
        found = node.stat()
    except OSError as error:
        remedy = "In a container, pass /dev/bus/usb into it; otherwise replug the camera."
        return Finding("usb", BROKEN, f"{name}: {node} cannot be read ({error.strerror}).", remedy)
    if not os.access(node, os.R_OK | os.W_OK, effective_ids=True):
        owner = f"{user_name(found.st_uid)}:{group_name(found.st_gid)}, mode {stat.S_IMODE(found.st_mode):04o}"
        detail = f"{name}: {node} ({owner}) may not be opened by {user_name(os.geteuid())}."
        return Finding("usb", BROKEN, detail, rule_remedy(device.identity))
    if drivers := claiming_drivers(bus, device):
        names = ", ".join(sorted(drivers))
        remedy = f"Unload it: modprobe -r {names}. To keep it off, blacklist it in /etc/modprobe.d."
        return Finding("usb", WARNING, f"{name}: the kernel driver {names} has claimed it.", remedy)
    if holders := [one for one in find_holders(str(node)) if one.pid not in own]:
        remedy = f"Stop it: {'; '.join(holder.stop or holder.remedy for holder in holders)}"
        return Finding("usb", BROKEN, f"{name}: {format_holders(holders)} has opened it.", remedy)
    return Finding("usb", OK, f"{name}: this user may open it, and no other program holds it.")


def claiming_drivers(bus: UsbBus, device: UsbDevice) -> set[str]:
    """Kernel drivers of the device's interfaces that keep a program from using it."""
    links = [folder / "driver" for folder in interface_folders(bus, device)]
    return {os.path.basename(os.readlink(link)) for link in links if link.is_symlink()} - HARMLESS_DRIVERS


def interface_classes(bus: UsbBus, device: UsbDevice) -> set[str]:
    files = [folder / "bInterfaceClass" for folder in interface_folders(bus, device)]
    return {file.read_text(encoding="ascii", errors="replace").strip() for file in files if file.exists()}


def interface_folders(bus: UsbBus, device: UsbDevice) -> list[Path]:
    """Interfaces are named after their device: `1-2.3:1.0` of `1-2.3`."""
    devices = bus.sysfs / "bus" / "usb" / "devices"
    here = (str(device.bus), str(device.number))
    for folder in sorted(devices.glob("[0-9]*-*")):
        if (text_of(folder / "busnum"), text_of(folder / "devnum")) == here:
            return sorted(devices.glob(f"{folder.name}:*"))
    return []


def text_of(file: Path) -> str:
    """Empty for a device that is being unplugged, and for an interface."""
    try:
        return file.read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return ""


def group_name(group: int) -> str:
    try:
        return grp.getgrgid(group).gr_name
    except KeyError:
        return str(group)


def rule_remedy(identity: UsbIdentity) -> str:
    rule = (
        f'SUBSYSTEM=="usb", ATTR{{idVendor}}=="{identity.vendor}", ATTR{{idProduct}}=="{identity.product}", '
        'MODE="0660", GROUP="plugdev"'
    )
    return f"Add this line to {RULES}, add the user to the group plugdev, and replug the camera: {rule}"


def udev(station: Station) -> Iterator[Finding]:
    kinds = {camera.kind for camera in known_cameras(station) if camera.kind in RULES_OF}
    yield from udev_findings(kinds, RULE_FOLDERS, is_root=os.geteuid() == 0)


def udev_findings(kinds: set[str], rule_folders: tuple[Path, ...], *, is_root: bool) -> Iterator[Finding]:
    """Without a rule, the kernel lets only root open a USB device; root needs none."""
    if not kinds or is_root:
        why = "root may open every device" if kinds else "no camera of this host needs one"
        yield Finding("udev", OK, f"No udev rule is needed: {why}.")
        return
    names = [path.name.lower() for folder in rule_folders if folder.is_dir() for path in folder.iterdir()]
    for kind in sorted(kinds):
        if any(part in name for name in names for part in RULES_OF[kind]):
            yield Finding("udev", OK, f"There is a udev rule for cameras of the kind {kind}.")
            continue
        detail = f"There is no udev rule for cameras of the kind {kind}: after replugging, only root may open them."
        remedy = f"Write one into {RULES} (docs/internals/ladder.md), or install the rules of the vendor."
        yield Finding("udev", WARNING, detail, remedy)


PATIENCE_S = 10.0
LOAD = """
import sys
from cameras.drivers.base import CameraError
from cameras.drivers.pixelink import sdk
try:
    print(sdk.version())
except CameraError as error:
    sys.exit(str(error))
"""


def pixelink(station: Station) -> Iterator[Finding]:
    names = [camera.slug for camera in known_cameras(station) if camera.kind == "pixelink"]
    if not names:
        yield Finding("pixelink", OK, "No PixeLink camera of this host needs the SDK.")
        return
    # In a process of its own, which a broken library may crash or block.
    result = subprocess.run(
        [sys.executable, "-c", LOAD], capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )
    if result.returncode == 0:
        yield Finding("pixelink", OK, f"PixeLink SDK {result.stdout.strip()}, for {', '.join(names)}.")
        return
    last = (result.stderr.strip().splitlines() or [f"Loading it ended with status {result.returncode}."])[-1]
    detail, _, remedy = last.partition(" Install the PixeLink SDK")
    install = f"Install the PixeLink SDK{remedy}" if remedy else "Install the PixeLink SDK again."
    yield Finding("pixelink", BROKEN, f"{', '.join(names)} cannot be used. {detail}", install)
