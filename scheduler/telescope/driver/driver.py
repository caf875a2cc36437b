"""The driver of a telescope's mosaic camera. Only it turns the errors of the protocol into CameraError."""

from __future__ import annotations

import contextlib
import ipaddress
import threading
from collections.abc import Iterator
from typing import Any, cast

from cameras.drivers.abilities import NetworkDevice, SiteAware, TelescopeCamera
from cameras.drivers.base import (
    Aborted,
    Applied,
    CameraError,
    Capabilities,
    Clock,
    Driver,
    Exposure,
    ExposureRequest,
    FileReference,
    Identity,
    SettingRange,
    remaining,
)
from cameras.drivers.telescope_port import NoTelescope, Pointing, Telescope
from core.outgoing import AddressRefused, OutgoingGuard
from scheduler.telescope.driver import steps
from scheduler.telescope.driver.clock import SocketClock, SystemClock
from scheduler.telescope.driver.connection import (
    CheckAddress,
    CommandPort,
    ControllerHeld,
    ControllerLock,
    allow_address,
)
from scheduler.telescope.driver.field import DARK_CODE, Field
from scheduler.telescope.driver.header import FitsHeader
from scheduler.telescope.driver.options import (
    EXAMPLE,
    IMAGE_TYPES,
    OPTIONS,
    ControllerAddress,
    Mode,
    TelescopeOptions,
    parse_address,
    read_options,
)
from scheduler.telescope.driver.protocol import (
    COMMAND_TIMEOUT_S,
    MARGIN_S,
    POLL_S,
    STATUS,
    TRANSFER_S,
    CommandError,
    ExposureMode,
    Profile,
    check_reply,
    clear_command,
    expose_command,
    header_command,
    number_in,
)
from scheduler.telescope.driver.running_exposure import (
    AbortableClock,
    Image,
    ImageMemory,
    RunningExposure,
    SharedFile,
    SharedFolder,
)
from scheduler.telescope.driver.status import CameraStatus, ControllerState, parse_status

LINGER_S = 5.0
"""An image in the memory of the controllers is fetched when no exposure has followed it for so long."""
SLEW_S = 120.0
"""The longest time that the telescope may need to reach a place."""
WORDS_S = 10.0
"""The longest time that the header words usually take."""
DEFAULT_US, LONGEST_US = 1_000_000, 3_600_000_000
BUSY = (
    ControllerState.EXPOSING, ControllerState.READOUT_PENDING, ControllerState.READING, ControllerState.FETCHING,
    ControllerState.FLUSHING, ControllerState.ERASING, ControllerState.PURGING,
)  # fmt: skip


class TelescopeDriver(Driver, NetworkDevice, SiteAware, TelescopeCamera):
    """One command at a time goes to the controller: `_sequence` is held from the first header word to the end of the
    exposure. The readout and the fetch follow; the still thread waits for them, by `Exposure.fetch`."""

    kind = "telescope"
    example = EXAMPLE

    def __init__(self, address: str, clock: Clock, sockets: SocketClock | None = None) -> None:
        super().__init__(address, clock)
        self._clock = sockets or SystemClock()
        self._aborts: AbortableClock | None = None
        self._address: ControllerAddress | None = None
        self._telescope: Telescope = NoTelescope()
        self._check_address: CheckAddress = allow_address
        self._exposure_us = DEFAULT_US
        self._lock: ControllerLock | None = None
        self._sequence = threading.Lock()
        self._memory = ImageMemory()
        self._running: RunningExposure | None = None
        self._is_simulated = False
        self._may_be_busy = True
        """Whether the controller may still do what another program, or this one before it was closed, has begun."""
        self._folder: SharedFolder | None = None

    @classmethod
    def check_address(cls, address: str, sources: list[str]) -> str:
        return str(parse_address(address, sources))

    @classmethod
    def destination(cls, address: str) -> tuple[str, int] | None:
        found = parse_address(address)
        return found.host.strip("[]"), found.command_port

    def set_connection_guard(self, guard: OutgoingGuard) -> None:
        def check(address: str, port: int) -> None:
            try:
                guard.check(ipaddress.ip_address(address.partition("%")[0]), port)
            except AddressRefused as refusal:
                raise ConnectionError(f"The address of the controller {refusal}") from None

        self._check_address = check

    def set_telescope(self, telescope: Telescope) -> None:
        self._telescope = telescope

    def set_site(self, latitude: float | None, longitude: float | None, elevation: float) -> None:
        self._telescope.set_site(latitude, longitude, elevation)

    # Open and close

    def open(self, deadline: float) -> Identity:
        self.close()
        with translate_errors(before_shutter=True):
            address = parse_address(self.address)
            host = address.host.strip("[]")
            lock = ControllerLock(host, address.command_port)
            lock.acquire()
            self._address, self._lock, self._aborts = address, lock, AbortableClock(self._clock)
            # The same one when the camera is opened again: it knows how many files an image has.
            self._folder = self._folder or (SharedFolder(address.files, self._clock) if address.files else None)
            self._commands = CommandPort(host, address.command_port, self._aborts, self._check_address)
            self._fetches = CommandPort(host, address.command_port, self._clock, self._check_address)
            self._statuses = CommandPort(host, address.status_port, self._aborts, self._check_address)
            # Unlike the others not ended by the abort of an exposure.
            port = address.status_port if address.profile.has_status_channel else address.command_port
            self._checks = CommandPort(host, port, self._clock, self._check_address)
            self._may_be_busy = True
            status = self._read_status(deadline)
        self._is_simulated = status.comment.startswith("simulated")
        return Identity(model="Mosaic camera", library=f"scheduler protocol {address.profile_name}")

    def close(self) -> None:
        gone = CameraError("The connection to the controller was closed before the image was fetched.")
        if self._running is not None:
            self._running.cancel(gone)
        self._memory.clear(gone)
        self._running = None
        if self._lock is not None:
            self._lock.release()
        if self._aborts is not None:
            self._aborts.close()
        self._lock = self._aborts = None

    @property
    def _profile(self) -> Profile:
        assert self._address is not None
        return self._address.profile

    def capabilities(self) -> Capabilities:
        profile = self._profile
        # What comes before the exposure: the end of the one before, the telescope, clearing, header words.
        image_s = profile.readout_s + TRANSFER_S
        return Capabilities(
            kinds=("fits",),
            readout_s=SLEW_S + WORDS_S + profile.clear_s + image_s + MARGIN_S,
            overlap=1,
            options=dict(OPTIONS),
            settings={"exposure_us": SettingRange("µs", 1, LONGEST_US, 1)},
        )

    def check_alive(self, deadline: float) -> None:
        """Ask the controller for its status, between exposures. The replies to those tell the same."""
        if self._lock is None or not self._sequence.acquire(blocking=False):
            return
        try:
            if self._running is None or self._running.is_done:
                timeout_s = min(COMMAND_TIMEOUT_S, max(0.1, deadline - self.clock.monotonic()))
                with translate_errors(before_shutter=True):
                    check_reply(STATUS, self._checks.send(STATUS, timeout_s))
        finally:
            self._sequence.release()

    # Settings

    def apply(self, settings: dict[str, Any], deadline: float) -> Applied:
        self._need_open()
        remaining(self.clock, deadline)
        wanted = self.validated(settings)
        self._exposure_us = wanted.pop("exposure_us", self._exposure_us)
        return Applied(self.read_back(deadline), [_refusal(name, value) for name, value in wanted.items()])

    def read_back(self, deadline: float) -> dict[str, Any]:
        self._need_open()
        return {"exposure_us": self._exposure_us}

    def dry_run(self, request: ExposureRequest, deadline: float) -> Applied:
        used = self._possible(request)
        if read_options(request.options).pointing != Pointing() and self._telescope.immovable:
            used.warnings.append(f"The telescope will not be moved: {self._telescope.immovable}")
        return used

    def _possible(self, request: ExposureRequest) -> Applied:
        """What the camera would use of these settings, and a sentence for each that it does not have."""
        self._need_open()
        wanted = request.settings()
        exposure_us = wanted.pop("exposure_us", self._exposure_us)
        return Applied({"exposure_us": exposure_us}, [_refusal(name, value) for name, value in wanted.items()])

    # Exposures

    def expose(self, request: ExposureRequest, deadline: float) -> Exposure:
        aborts = self._need_open()
        remaining(self.clock, deadline)
        applied, options = self._possible(request), read_options(request.options)
        exposure_us = applied.actual["exposure_us"]
        if not 1 <= exposure_us <= LONGEST_US:
            raise CameraError(
                f"An exposure of {exposure_us} µs is not possible; allowed are 1 to {LONGEST_US} µs.",
                reason="rejected_setting", before_shutter=True,
            )  # fmt: skip
        aborts.reset()
        # An abort that came before the reset.
        if self.clock.wait(0.0):
            raise Aborted
        with self._sequence:
            with translate_errors(before_shutter=True):
                # While the exposure before is read out.
                warnings = self._telescope.move(options.pointing, min(deadline, self.clock.monotonic() + SLEW_S))
                self._wait_until_free(deadline)
                mode = self._choose_mode(options.mode)
                warnings += self._prepare(options, exposure_us, deadline)
                begun_ns, running = self._begin(options, exposure_us, mode)
            with translate_errors():
                self._wait_for_end(running, exposure_us / 1e6)
        exposure = Exposure(
            started_ns=begun_ns,
            ended_ns=begun_ns + exposure_us * 1000,
            actual=applied.actual,
            warnings=[*applied.warnings, *warnings],
            simulated=self._is_simulated,
        )
        exposure.fetch = lambda fetch_deadline: self._fetch(exposure, running, options.mode, fetch_deadline)
        exposure.fetch_s = self._profile.readout_s + 2 * TRANSFER_S + LINGER_S + MARGIN_S
        return exposure

    def abort(self) -> None:
        if (aborts := self._aborts) is not None:
            aborts.abort()

    def _need_open(self) -> AbortableClock:
        if self._aborts is None or self._lock is None:
            raise CameraError("The connection to the controller is closed. Open it first.", before_shutter=True)
        return self._aborts

    def _wait_until_free(self, deadline: float) -> None:
        """Until the exposure before has its reply. What has become of it, its own capture reports."""
        if self._running is not None:
            with contextlib.suppress(ConnectionError, TimeoutError, CommandError, CameraError):
                self._running.wait(self._need_open())
        if self._may_be_busy:
            status = self._read_status(deadline)
            while any(status.has(state) for state in BUSY):
                remaining(self.clock, deadline)
                self._need_open().sleep(POLL_S)
                status = self._read_status(deadline)
            if status.has(ControllerState.FETCH_PENDING):
                # Of an exposure whose program has ended. It must not come in the place of the next image.
                self._commands.send(self._fetch_command("left"), TRANSFER_S + MARGIN_S)
            self._may_be_busy = False

    def _read_status(self, deadline: float) -> CameraStatus:
        port = self._statuses if self._profile.has_status_channel else self._commands
        timeout_s = min(COMMAND_TIMEOUT_S, max(0.1, deadline - self.clock.monotonic()))
        reply = check_reply(STATUS, port.send(STATUS, timeout_s))
        return parse_status(reply, self._clock.wall_ns() / 1e9)

    def _choose_mode(self, mode: Mode) -> ExposureMode:
        """The mode for the controller. `single` and `first` begin with an empty memory, `next` and `last` with an
        image in it."""
        if mode in ("single", "first"):
            while not self._memory.is_empty:
                self._fetch_oldest()
            return cast(ExposureMode, mode)
        return "first" if self._memory.is_empty else "next"

    def _prepare(self, options: TelescopeOptions, exposure_us: int, deadline: float) -> list[str]:
        """Clear the CCDs and write the header words. Returns warnings."""
        if options.clear:
            self._send(clear_command(self._profile.clear_s), self._profile.clear_s + MARGIN_S)
        telescope, problem = self._telescope.header_words(deadline)
        header = FitsHeader.initial("UNKNOWN" if self._profile.has_observatory else None)
        self._field = Field(
            exposure_us / 3.6e9, IMAGE_TYPES[options.image_type], n_done=options.sequence - 1,
            script_line=f"# {options.comment}" if options.comment else "",
        )  # fmt: skip
        self._root = options.root or steps.file_root(steps.time_of(self._clock), self._field)
        for keyword, value in telescope.items():
            header.update(keyword, value)
        steps.describe_field(header, self._field, self._root)
        for keyword, value in options.header.items():
            header.update(keyword, value)
        for keyword, value in header:
            self._send(header_command(keyword, value), COMMAND_TIMEOUT_S)
        return [problem] if problem else []

    def _send(self, command: str, timeout_s: float) -> str:
        return check_reply(command, self._commands.send(command, timeout_s))

    def _begin(self, options: TelescopeOptions, exposure_us: int, mode: ExposureMode) -> tuple[int, RunningExposure]:
        """Send the command. Returns when the exposure began, by the wall clock."""
        is_open = self._field.shutter != DARK_CODE if options.shutter is None else options.shutter
        exposure_s = exposure_us / 1e6
        command = self._commands.begin(expose_command(is_open, exposure_s, self._root, mode), COMMAND_TIMEOUT_S)
        timeout_s = steps.expose_timeout(self._profile, mode, exposure_s, waits=True)
        begun_ns, deadline = self._clock.wall_ns(), self._clock.monotonic() + timeout_s
        self._running = RunningExposure(command, mode, Image(self._root), self._memory, self._clock, deadline)
        return begun_ns, self._running

    def _wait_for_end(self, running: RunningExposure, exposure_s: float) -> None:
        """Until the shutter is closed. An error of the command ends the wait."""
        clock = self._need_open()
        end = clock.monotonic() + exposure_s
        while (left_s := end - clock.monotonic()) > 0:
            running.check(clock, min(left_s, POLL_S))
        if not self._profile.has_status_channel:
            return
        latest = clock.monotonic() + exposure_s + MARGIN_S
        while not running.is_done and clock.monotonic() < latest:
            with contextlib.suppress(ConnectionError, TimeoutError, CommandError):
                if self._read_status(latest).has(ControllerState.EXPOSING) is False:
                    return
            running.check(clock, POLL_S)

    # Images

    def _fetch(self, exposure: Exposure, running: RunningExposure, mode: Mode, deadline: float) -> None:
        """On the still thread: until the image is fetched, then its files."""
        remaining(self.clock, deadline)
        with translate_errors():
            running.wait(self._clock)
            left_s = deadline - self._clock.monotonic()
            self._wait_fetched(running.image, left_s, LINGER_S if mode != "last" else 0.0)
            if (number := number_in(running.reply)) is not None:
                exposure.actual = {**exposure.actual, "exposure_us": round(number * 1e6)}
            self._add_files(exposure, running.image)

    def _wait_fetched(self, image: Image, left_s: float, linger_s: float) -> None:
        """Until the next exposure has fetched it, or `linger_s` after the last one has ended. `left_s`: how long that
        may take, without the time of exposures."""
        idle_s = 0.0
        while not image.is_settled:
            begin, is_idle = self._clock.monotonic(), False
            if self._sequence.acquire(blocking=False):
                try:
                    is_idle = self._is_idle
                    if is_idle and idle_s >= linger_s:
                        self._fetch_oldest()
                        continue
                finally:
                    self._sequence.release()
            self._wait_a_moment()
            waited_s = self._clock.monotonic() - begin
            idle_s, left_s = (idle_s + waited_s, left_s - waited_s) if is_idle else (0.0, left_s)
            if left_s <= 0:
                raise TimeoutError(f"The controller did not deliver the image {image.root} in time.")
        if image.error is not None:
            raise image.error

    def _wait_a_moment(self) -> None:
        """Read the reply to the exposure that runs, if it comes: no one else may wait for it. Its error is that of
        another capture."""
        running = self._running
        if running is None or running.is_done:
            self._clock.sleep(POLL_S)
        else:
            with contextlib.suppress(ConnectionError, TimeoutError, CommandError, CameraError):
                running.check(self._clock, POLL_S)

    @property
    def _is_idle(self) -> bool:
        return self._running is not None and self._running.is_done

    def _fetch_oldest(self) -> None:
        command = self._fetch_command(self._memory.oldest_root)
        try:
            check_reply(command, self._fetches.send(command, TRANSFER_S + MARGIN_S))
        except Exception as error:
            self._memory.clear(error)
            raise
        self._memory.settle_oldest()

    @staticmethod
    def _fetch_command(root: str) -> str:
        return expose_command(False, 0.0, root, "last")

    def _add_files(self, exposure: Exposure, image: Image) -> None:
        """Where the files are is known only if the controller shares its folder."""
        assert self._address is not None
        files, warnings = self._folder.wait_for(image.root) if self._folder else ([], [])
        exposure.warnings = [*exposure.warnings, *warnings]
        if not files:
            exposure.references = [FileReference("fits", f"{self._address.host}:{image.root}")]
        elif self._address.collects:
            exposure.files = [*files]
        else:
            exposure.references = [_reference(file) for file in files]


def _reference(file: SharedFile) -> FileReference:
    return FileReference(file.kind, file.path, file.size, file.sha256())


def _refusal(name: str, value: float) -> str:
    return f"A telescope's camera has no {name}; {value:g} was requested."


@contextlib.contextmanager
def translate_errors(*, before_shutter: bool = False) -> Iterator[None]:
    """The errors of the protocol become CameraError."""
    try:
        yield
    except ControllerHeld as error:
        raise CameraError(str(error), reason="camera_held", before_shutter=before_shutter) from error
    except TimeoutError as error:
        raise CameraError(str(error), reason="too_slow", before_shutter=before_shutter) from error
    except CommandError as error:
        raise CameraError(str(error), before_shutter=before_shutter) from error
    except OSError as error:
        raise CameraError(str(error), reason="camera_unreachable", before_shutter=before_shutter) from error
    except ValueError as error:
        raise CameraError(str(error), reason="rejected_setting", before_shutter=before_shutter) from error
