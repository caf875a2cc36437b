"""The camera functions of the telescope's scheduler, for programs that were linked with its C module.

    import scheduler_camera as cam

The functions act on one camera, the state of this module. A program with several cameras makes a `TelescopeCamera`, or
an `AsyncTelescopeCamera`, for each of them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from types import ModuleType
from typing import Generic, ParamSpec, TypeVar

from scheduler.telescope.driver import protocol as _commands
from scheduler.telescope.driver import steps as _exposures
from scheduler.telescope.driver.aio import AsyncTelescopeCamera
from scheduler.telescope.driver.clock import SystemClock
from scheduler.telescope.driver.connection import ControllerHeld
from scheduler.telescope.driver.controller import CommandThread, TelescopeCamera
from scheduler.telescope.driver.field import (
    BAD_CODE,
    DARK_CODE,
    DOME_FLAT_CODE,
    EVENING_FLAT_CODE,
    FILENAME_LENGTH,
    FOCUS_CODE,
    MAX_FIELDS,
    MAX_OBS_PER_FIELD,
    MORNING_FLAT_CODE,
    OFFSET_CODE,
    SKY_CODE,
    Field,
)
from scheduler.telescope.driver.header import MAX_FITS_WORDS, FitsHeader, FitsWord
from scheduler.telescope.driver.layouts import (
    ObservationRecord,
    pack_camera_status,
    pack_field,
    pack_header,
    pack_record,
    read_record,
    unpack_camera_status,
    unpack_field,
    unpack_header,
)
from scheduler.telescope.driver.protocol import (
    BAD_READOUT_S,
    BUFFER_BYTES,
    CLEAR_S,
    COMMAND_DELAY_S,
    COMMAND_TIMEOUT_S,
    HOST,
    PROFILES,
    TRANSFER_S,
    CommandError,
    ExposureMode,
    ProfileName,
)
from scheduler.telescope.driver.protocol import DONE as DONE_REPLY
from scheduler.telescope.driver.protocol import ERROR as ERROR_REPLY
from scheduler.telescope.driver.status import (
    ALL_NEGATIVE_VAL,
    ALL_POSITIVE_VAL,
    NUM_STATES,
    CameraStatus,
    ControllerState,
    parse_status,
)
from scheduler.telescope.driver.steps import BadReadout, ExposurePending, ExposureResult

__all__ = [
    "ACTIVE",
    "ALL_NEGATIVE_VAL",
    "ALL_POSITIVE_VAL",
    "AUTOCLEAR",
    "AUTOFLUSH",
    "BAD_CODE",
    "BAD_ERROR_CODE",
    "BAD_READOUT_TIME",
    "CAMERA_TIMEOUT_SEC",
    "CLEAR_COMMAND",
    "CLEAR_TIME",
    "CLOSE_COMMAND",
    "COMMAND_DELAY_USEC",
    "COMMAND_PORT",
    "DARK_CODE",
    "DOME_FLAT_CODE",
    "DONE_REPLY",
    "ERASING",
    "ERROR",
    "ERRORED",
    "ERROR_REPLY",
    "EVENING_FLAT_CODE",
    "EXPOSE_COMMAND",
    "EXPOSING",
    "EXPOSURE_OVERHEAD",
    "EXP_MODE_FIRST",
    "EXP_MODE_LAST",
    "EXP_MODE_NEXT",
    "EXP_MODE_SINGLE",
    "FETCHING",
    "FETCH_PENDING",
    "FILENAME_LENGTH",
    "FLUSHING",
    "FOCUS_CODE",
    "HEADER_COMMAND",
    "IDLE",
    "LOOP_WAIT_SEC",
    "MACHINE_NAME",
    "MAXBUFSIZE",
    "MAX_FIELDS",
    "MAX_FITS_WORDS",
    "MAX_OBS_PER_FIELD",
    "MORNING_FLAT_CODE",
    "NOSTATUS",
    "NUM_CAMERA_CLEARS",
    "NUM_STATES",
    "OFFSET_CODE",
    "OPEN_COMMAND",
    "POWERBAD",
    "POWEROFF",
    "POWERON",
    "PURGING",
    "READING",
    "READOUT_PENDING",
    "READOUT_TIME_SEC",
    "REBOOT_COMMAND",
    "RESTART_COMMAND",
    "SHUTDOWN_COMMAND",
    "SKY_CODE",
    "STATE_NAMES",
    "STATUS_COMMAND",
    "STATUS_PORT",
    "TRANSFER_TIME_SEC",
    "UNKNOWN",
    "AsyncTelescopeCamera",
    "BadReadout",
    "CameraStatus",
    "CommandError",
    "CommandThread",
    "ControllerHeld",
    "ExposurePending",
    "ExposureResult",
    "Field",
    "FitsHeader",
    "FitsWord",
    "LegacyResult",
    "ObservationRecord",
    "ProfileName",
    "TelescopeCamera",
    "cam_status",
    "clear_camera",
    "close",
    "configure_status_channel",
    "do_camera_command",
    "do_camera_command_thread",
    "do_command",
    "do_status_command",
    "get_jd",
    "get_tm",
    "get_ut",
    "host_name",
    "imprint_fits_header",
    "init_semaphores",
    "pack_camera_status",
    "pack_field",
    "pack_header",
    "pack_record",
    "parse_status",
    "read_record",
    "readout_pending",
    "set_host_name",
    "set_profile",
    "status_channel_active",
    "take_exposure",
    "unpack_camera_status",
    "unpack_field",
    "unpack_header",
    "update_camera_status",
    "update_fits_header",
    "wait_camera_readout",
    "wait_exp_done",
    "with_error_codes",
]

COMMAND_DELAY_USEC = round(COMMAND_DELAY_S * 1_000_000)
CAMERA_TIMEOUT_SEC = round(COMMAND_TIMEOUT_S)
CLEAR_TIME = CLEAR_S
TRANSFER_TIME_SEC = round(TRANSFER_S)
BAD_READOUT_TIME = BAD_READOUT_S
BAD_ERROR_CODE = 2
MAXBUFSIZE = BUFFER_BYTES
LOOP_WAIT_SEC = 10
MACHINE_NAME = HOST
OPEN_COMMAND = _commands.OPEN
CLOSE_COMMAND = _commands.CLOSE
STATUS_COMMAND = _commands.STATUS
CLEAR_COMMAND = _commands.CLEAR
HEADER_COMMAND = _commands.HEADER
EXPOSE_COMMAND = _commands.EXPOSE
SHUTDOWN_COMMAND = _commands.SHUTDOWN
REBOOT_COMMAND = _commands.REBOOT
RESTART_COMMAND = _commands.RESTART
EXP_MODE_SINGLE: ExposureMode = "single"
EXP_MODE_FIRST: ExposureMode = "first"
EXP_MODE_NEXT: ExposureMode = "next"
EXP_MODE_LAST: ExposureMode = "last"
STATE_NAMES = tuple(state.name for state in ControllerState)
NOSTATUS, UNKNOWN, IDLE, EXPOSING, READOUT_PENDING, READING, FETCHING, FLUSHING, ERASING, PURGING = range(10)
AUTOCLEAR, AUTOFLUSH, POWERON, POWEROFF, POWERBAD, FETCH_PENDING, ERROR, ACTIVE, ERRORED = range(10, NUM_STATES)

# These change, and `_Module` below has them.
cam_status: CameraStatus
status_channel_active: bool
readout_pending: bool
host_name: str
COMMAND_PORT: int
STATUS_PORT: int
READOUT_TIME_SEC: float
EXPOSURE_OVERHEAD: float
NUM_CAMERA_CLEARS: int

P = ParamSpec("P")
T = TypeVar("T")
_clock = SystemClock()
_camera = TelescopeCamera()


# The controller


def set_host_name(host: str, command_port: int | None = None, status_port: int | None = None) -> None:
    """The host of the controller, and its ports if they are not those of the version. ExposurePending during an
    exposure."""
    _camera.set_address(host, command_port, status_port)


def set_profile(profile: ProfileName) -> None:
    """The version of the scheduler whose ports, readout time and clear time hold: `seed`, `2025` or `2026`.

    It also sets whether the status channel is active. ExposurePending during an exposure.
    """
    _camera.set_profile(PROFILES[profile])


def configure_status_channel(active: bool) -> None:
    """Whether the controller answers `status` on its second port during an exposure."""
    _camera.status_channel_active = bool(active)


def init_semaphores() -> None:
    """Allowed as often as you like. ExposurePending during an exposure, whose end would be lost."""
    _camera.init_semaphores()


def close() -> None:
    """Another program may command the controller."""
    _camera.close()


# Time


def get_tm() -> tuple[datetime, float]:
    """The time, UTC, and the same as hours since midnight."""
    now = _exposures.time_of(_clock)
    return now, _exposures.ut_of(now)


def get_ut() -> float:
    """Hours since midnight, UTC."""
    return get_tm()[1]


def get_jd() -> float:
    """The Julian date, UTC."""
    return _exposures.jd_of(_exposures.time_of(_clock))


# Commands


def do_command(command: str, timeout_sec: float = CAMERA_TIMEOUT_SEC, port: int | None = None) -> str:
    """The reply to a command, if it is DONE. The command port by default; on the port for the status, `status` alone is
    accepted."""
    controller = _camera.controller
    if port is None or port == controller.command_port:
        return _camera.send_command(command, timeout_sec)
    if port == controller.status_port:
        return _camera.send_status_command(command, timeout_sec)
    raise ValueError(
        f"The controller has the ports {controller.command_port} and {controller.status_port}, and not {port}."
    )


def do_camera_command(command: str, timeout_sec: float = CAMERA_TIMEOUT_SEC) -> str:
    """The reply to a command on the command port."""
    return _camera.send_command(command, timeout_sec)


def do_status_command(command: str = STATUS_COMMAND, timeout_sec: float = CAMERA_TIMEOUT_SEC) -> str:
    """The reply to a command on the port for the status."""
    return _camera.send_status_command(command, timeout_sec)


def do_camera_command_thread(command: str, timeout_sec: float = CAMERA_TIMEOUT_SEC) -> CommandThread:
    """Send a command in a thread. `wait_camera_readout` waits for its end; then `result()` has its reply."""
    return _camera.start_command(command, timeout_sec)


def update_camera_status(status: CameraStatus | None = None) -> CameraStatus:
    """Read the status. It is `cam_status` from then on, and copied to `status`."""
    found = _camera.update_camera_status()
    if status is not None:
        found.copy_to(status)
    return found


def clear_camera() -> None:
    _camera.clear_camera()


def update_fits_header(header: FitsHeader, keyword: str, value: str) -> None:
    header.update(keyword, value)


def imprint_fits_header(header: FitsHeader) -> None:
    """Send the header words, one command each. It ends at the first one that fails."""
    _camera.imprint_fits_header(header)


# Exposures


def take_exposure(
    field: Field,
    header: FitsHeader,
    actual_expt: float = 0.0,
    wait_flag: bool = True,
    exp_mode: ExposureMode = EXP_MODE_SINGLE,
) -> ExposureResult:
    """Expose a field, for `actual_expt` hours if that is not 0. Without `wait_flag` it returns at the end of the
    exposure, during the readout."""
    return _camera.take_exposure(field, header, actual_expt, wait_flag=wait_flag, exp_mode=exp_mode)


def wait_exp_done(exposure_s: float) -> float:
    """Wait until an exposure of `exposure_s` has ended; with the status channel, until the controllers say so."""
    return _camera.wait_exp_done(exposure_s)


def wait_camera_readout(status: CameraStatus | None = None) -> ExposureResult | None:
    """Wait for the readout of an exposure that was taken without waiting; None if there is none. `status` gets the
    newest status that was read."""
    result = _camera.wait_camera_readout()
    if status is not None:
        _camera.cam_status.copy_to(status)
    return result


# Error codes of the C module


@dataclass(frozen=True, slots=True)
class LegacyResult(Generic[T]):
    """What the C function would have returned. `result`: 0, or -1 after an error. `error_code`: BAD_ERROR_CODE when an
    exposure has begun and its end was not observed, else 0. `value`: what the function returned, None after an
    error."""

    result: int
    error_code: int
    value: T | None
    error: Exception | None = None


def with_error_codes(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> LegacyResult[T]:
    """Call a function of this module. Its errors become the numbers of the C module; a wrong argument, ValueError, is
    raised."""
    try:
        return LegacyResult(0, 0, function(*args, **kwargs))
    except BadReadout as error:
        return LegacyResult(-1, BAD_ERROR_CODE, None, error)
    except (ConnectionError, TimeoutError, CommandError) as error:
        return LegacyResult(-1, 0, None, error)


class _Module(ModuleType):
    """The names of this module that change. Programs read them, and set `status_channel_active`."""

    @property
    def cam_status(self) -> CameraStatus:
        return _camera.cam_status

    @property
    def status_channel_active(self) -> bool:
        return _camera.status_channel_active

    @status_channel_active.setter
    def status_channel_active(self, active: bool) -> None:
        configure_status_channel(active)

    @property
    def readout_pending(self) -> bool:
        return _camera.is_readout_pending

    @property
    def host_name(self) -> str:
        return _camera.controller.host

    @property
    def COMMAND_PORT(self) -> int:  # noqa: N802 - as the C constant
        return _camera.controller.command_port

    @property
    def STATUS_PORT(self) -> int:  # noqa: N802
        return _camera.controller.status_port

    @property
    def READOUT_TIME_SEC(self) -> float:  # noqa: N802
        return _camera.profile.readout_s

    @property
    def EXPOSURE_OVERHEAD(self) -> float:  # noqa: N802
        return _camera.profile.overhead_s / 3600

    @property
    def NUM_CAMERA_CLEARS(self) -> int:  # noqa: N802
        return _camera.profile.clears


sys.modules[__name__].__class__ = _Module
