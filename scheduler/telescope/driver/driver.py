"""The driver of a telescope's mosaic camera. Only it turns the errors of the protocol into CameraError."""

from __future__ import annotations

import contextlib
import ipaddress
from collections.abc import Iterator
from typing import Any

from cameras.drivers.abilities import NetworkDevice, SiteAware, TelescopeAware
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
from scheduler.telescope.driver.connection import CheckAddress, ControllerHeld, allow_address
from scheduler.telescope.driver.field import DARK_CODE, Field
from scheduler.telescope.driver.header import FitsHeader
from scheduler.telescope.driver.open_controller import OpenController
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
    TRANSFER_S,
    CommandError,
    ExposureMode,
    clear_command,
    expose_command,
    header_command,
    number_in,
)
from scheduler.telescope.driver.running_exposure import (
    LINGER_S,
    Image,
    ImageFetcher,
    RunningExposure,
    SharedFolder,
)

SLEW_S = 120.0
"""The longest time that the telescope may need to reach a place."""
WORDS_S = 10.0
"""The longest time that the header words usually take."""
DEFAULT_US, LONGEST_US = 1_000_000, 3_600_000_000


class TelescopeDriver(Driver, NetworkDevice, SiteAware, TelescopeAware):
    """One command at a time goes to the controller: `ImageFetcher.sequence` is held from the first header word to the
    end of the exposure. The readout and the fetch follow; the still thread waits for them, by `Exposure.fetch`."""

    kind = "telescope"
    example = EXAMPLE

    def __init__(self, address: str, clock: Clock, sockets: SocketClock | None = None) -> None:
        super().__init__(address, clock)
        self._clock = sockets or SystemClock()
        self._controller: OpenController | None = None
        self._address: ControllerAddress | None = None
        self._telescope: Telescope = NoTelescope()
        self._check_address: CheckAddress = allow_address
        self._exposure_us = DEFAULT_US
        self._images = ImageFetcher(self._clock)
        self._is_simulated = False
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
            controller = OpenController(address, self.clock, self._clock, self._check_address)
            self._address, self._controller = address, controller
            self._images.port = controller.fetches
            # The same one when the camera is opened again: it knows how many files an image has.
            self._folder = self._folder or (SharedFolder(address.files, self._clock) if address.files else None)
            status = controller.read_status(deadline)
        self._is_simulated = status.comment.startswith("simulated")
        return Identity(model="Mosaic camera", library=f"scheduler protocol {address.profile_name}")

    def close(self) -> None:
        self._images.cancel(CameraError("The connection to the controller was closed before the image was fetched."))
        if self._controller is not None:
            self._controller.close()
        self._controller = None

    def capabilities(self) -> Capabilities:
        assert self._address is not None
        profile = self._address.profile
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
        if self._controller is None or not self._images.sequence.acquire(blocking=False):
            return
        try:
            if self._images.running is None or self._images.running.is_done:
                with translate_errors(before_shutter=True):
                    self._controller.check_alive(deadline)
        finally:
            self._images.sequence.release()

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
        controller = self._need_open()
        remaining(self.clock, deadline)
        applied, options = self._possible(request), read_options(request.options)
        exposure_us = applied.actual["exposure_us"]
        if not 1 <= exposure_us <= LONGEST_US:
            raise CameraError(
                f"An exposure of {exposure_us} µs is not possible; allowed are 1 to {LONGEST_US} µs.",
                reason="rejected_setting", before_shutter=True,
            )  # fmt: skip
        controller.aborts.reset()
        # An abort that came before the reset.
        if self.clock.wait(0.0):
            raise Aborted
        with self._images.sequence:
            with translate_errors(before_shutter=True):
                # While the exposure before is read out.
                warnings = self._telescope.move(options.pointing, min(deadline, self.clock.monotonic() + SLEW_S))
                self._images.wait_for_running(controller.aborts)
                controller.wait_until_free(deadline)
                mode = self._images.choose_mode(options.mode)
                field, root, problems = self._prepare(controller, options, exposure_us, deadline)
                is_open = field.shutter != DARK_CODE if options.shutter is None else options.shutter
                begun_ns, running = self._begin(controller, is_open, exposure_us / 1e6, root, mode)
            with translate_errors():
                controller.wait_for_end(running, exposure_us / 1e6)
        exposure = Exposure(
            started_ns=begun_ns,
            ended_ns=begun_ns + exposure_us * 1000,
            actual=applied.actual,
            warnings=[*applied.warnings, *warnings, *problems],
            simulated=self._is_simulated,
        )
        exposure.fetch = lambda fetch_deadline: self._fetch(exposure, running, options.mode, fetch_deadline)
        exposure.fetch_s = controller.profile.readout_s + 2 * TRANSFER_S + LINGER_S + MARGIN_S
        return exposure

    def abort(self) -> None:
        if (controller := self._controller) is not None:
            controller.aborts.abort()

    def _need_open(self) -> OpenController:
        if self._controller is None:
            raise CameraError("The connection to the controller is closed. Open it first.", before_shutter=True)
        return self._controller

    def _prepare(
        self, controller: OpenController, options: TelescopeOptions, exposure_us: int, deadline: float
    ) -> tuple[Field, str, list[str]]:
        """Clear the CCDs and write the header words. Returns the field, the root of its files, and warnings."""
        profile = controller.profile
        if options.clear:
            controller.send(clear_command(profile.clear_s), profile.clear_s + MARGIN_S)
        telescope, problem = self._telescope.header_words(deadline)
        header = FitsHeader.initial("UNKNOWN" if profile.has_observatory else None)
        field = Field(
            exposure_us / 3.6e9, IMAGE_TYPES[options.image_type], n_done=options.sequence - 1,
            script_line=f"# {options.comment}" if options.comment else "",
        )  # fmt: skip
        root = options.root or steps.file_root(steps.time_of(self._clock), field)
        for keyword, value in telescope.items():
            header.update(keyword, value)
        steps.describe_field(header, field, root)
        for keyword, value in options.header.items():
            header.update(keyword, value)
        for keyword, value in header:
            controller.send(header_command(keyword, value), COMMAND_TIMEOUT_S)
        return field, root, [problem] if problem else []

    def _begin(
        self, controller: OpenController, is_open: bool, exposure_s: float, root: str, mode: ExposureMode
    ) -> tuple[int, RunningExposure]:
        """Send the command. Returns when the exposure began, by the wall clock."""
        command = controller.commands.begin(expose_command(is_open, exposure_s, root, mode), COMMAND_TIMEOUT_S)
        timeout_s = steps.expose_timeout(controller.profile, mode, exposure_s, waits=True)
        begun_ns, deadline = self._clock.wall_ns(), self._clock.monotonic() + timeout_s
        running = RunningExposure(command, mode, Image(root), self._images.memory, self._clock, deadline)
        self._images.running = running
        return begun_ns, running

    # Images

    def _fetch(self, exposure: Exposure, running: RunningExposure, mode: Mode, deadline: float) -> None:
        """On the still thread: until the image is fetched, then its files."""
        remaining(self.clock, deadline)
        with translate_errors():
            running.wait(self._clock)
            left_s = deadline - self._clock.monotonic()
            self._images.wait(running.image, left_s, LINGER_S if mode != "last" else 0.0)
            if (number := number_in(running.reply)) is not None:
                exposure.actual = {**exposure.actual, "exposure_us": round(number * 1e6)}
            # Where the files are is known only if the controller shares its folder.
            assert self._address is not None
            files, warnings = self._folder.wait_for(running.image.root) if self._folder else ([], [])
            exposure.warnings = [*exposure.warnings, *warnings]
            if not files:
                exposure.references = [FileReference("fits", f"{self._address.host}:{running.image.root}")]
            elif self._address.collects:
                exposure.files = [*files]
            else:
                exposure.references = [FileReference(one.kind, one.path, one.size, one.sha256()) for one in files]


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
