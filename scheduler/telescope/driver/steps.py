"""What a camera does for its program, as steps: each asks for one command or one pause; and what it remembers between
two calls of its program. The steps are the same for threads (`controller.py`) and for coroutines (`aio.py`), which do
what they ask for."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Generic, Protocol, TypeAlias, TypeVar

from scheduler.telescope.driver.field import DARK_CODE, Field
from scheduler.telescope.driver.header import MAX_TEXT_BYTES, FitsHeader
from scheduler.telescope.driver.protocol import (
    COMMAND_TIMEOUT_S,
    MARGIN_S,
    POLL_S,
    PROFILES,
    TRANSFER_S,
    CommandError,
    ExposureMode,
    Profile,
    ProfileName,
    clear_command,
    expose_command,
    header_command,
    number_in,
    quote_text,
)
from scheduler.telescope.driver.status import ALL_NEGATIVE_VAL, CameraStatus, ControllerState, parse_status

NO_COMMENT = "no_comment"
"""One word. The C code sends `'no comment'`, in which the controller sees too many arguments."""
JD_OF_1970 = 2_440_587.5


@dataclass(frozen=True, slots=True)
class Send:
    """A command, whose reply is the result of the step."""

    command: str
    timeout_s: float


@dataclass(frozen=True, slots=True)
class AskStatus:
    """The status, from the port for the status."""

    timeout_s: float = COMMAND_TIMEOUT_S


@dataclass(frozen=True, slots=True)
class Begin:
    """An exposure whose command is sent beside the steps that follow."""

    command: str
    timeout_s: float


@dataclass(frozen=True, slots=True)
class Sleep:
    seconds: float


T = TypeVar("T")
Step: TypeAlias = Send | AskStatus | Begin | Sleep
Steps: TypeAlias = Generator[Step, str, T]


class Now(Protocol):
    def wall_ns(self) -> int: ...
    def monotonic(self) -> float: ...


class BadReadout(TimeoutError):
    """An exposure began, and its end was not observed in time: its image may be lost."""


class ExposurePending(CommandError):
    """The command was not sent: an exposure of this program has not ended."""


@dataclass(frozen=True, slots=True)
class ExposureResult:
    """An exposure. It is not `waited` while its readout may go on: `wait_camera_readout` then has the reply."""

    filename: str
    """The root of the names of its files."""
    ut: float
    """Hours since midnight, UTC, when it was commanded."""
    jd: float
    """Julian date of the same moment."""
    actual_exposure_s: float
    """What the controller reported, or what was commanded if its reply has no number; 0 of the mode `last`."""
    exp_mode: ExposureMode
    waited: bool
    reply: str | None = None


class PendingExposure(Protocol):
    """An exposure whose command was sent beside. Each has its own pair of signals: that it may start, and its end."""

    command: str

    @property
    def is_done(self) -> bool: ...

    def result(self) -> str:
        """The reply, once it is done; or raises what the command has raised."""


def time_of(now: Now) -> datetime:
    """From the nanoseconds, because a float has too few digits."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=now.wall_ns() // 1000)


def ut_of(time: datetime) -> float:
    """Hours since midnight, UTC."""
    midnight = time.replace(hour=0, minute=0, second=0, microsecond=0)
    return (time - midnight) / timedelta(hours=1)


def jd_of(time: datetime) -> float:
    """The Julian date, UTC."""
    return JD_OF_1970 + (time - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(days=1)


def file_root(time: datetime, field: Field) -> str:
    """`yyyymmddHHMMSS` and the letter of the field's kind."""
    return f"{time:%Y%m%d%H%M%S}{field.letter}"


def expose_timeout(profile: Profile, mode: ExposureMode, exposure_s: float, waits: bool) -> float:
    """Seconds until the reply to an exposure must have come."""
    read_s = exposure_s + profile.readout_s
    if not waits:
        return read_s + MARGIN_S
    longest_s: dict[ExposureMode, float] = {
        "single": read_s + TRANSFER_S,
        "first": read_s,
        "next": max(read_s, TRANSFER_S),
        "last": TRANSFER_S,
    }
    return longest_s[mode] + MARGIN_S


def imprint(header: FitsHeader) -> Steps[None]:
    """The header words, one command each. It ends at the first one that fails."""
    for keyword, value in header:
        yield Send(header_command(keyword, value), COMMAND_TIMEOUT_S)


def clear(profile: Profile) -> Steps[None]:
    yield Send(clear_command(profile.clear_s), profile.clear_s + MARGIN_S)


def read_status(now: Now, store: Callable[[CameraStatus], None]) -> Steps[CameraStatus]:
    reply = yield AskStatus()
    status = parse_status(reply, now.wall_ns() / 1e9)
    store(status)
    return status


def describe_field(header: FitsHeader, field: Field, root: str) -> None:
    """The header words that an exposure sets."""
    header.update("sequence", str(field.n_done + 1))
    header.update("imagetyp", field.image_type)
    header.update("flatfile", root)
    header.update("comment", quote_text(field.comment, MAX_TEXT_BYTES) or NO_COMMENT)


def take(
    profile: Profile,
    now: Now,
    field: Field,
    header: FitsHeader,
    override_h: float,
    mode: ExposureMode,
    waits: bool,
    wait_done: Callable[[float], Steps[float]],
) -> Steps[ExposureResult]:
    """One exposure: its header words, then the command. `wait_done` waits for the end of one that is sent beside."""
    exposure_s = (override_h or field.expt) * 3600
    time = time_of(now)
    root = file_root(time, field)
    # Before the header changes: a wrong value changes nothing.
    command = expose_command(field.shutter != DARK_CODE, exposure_s, root, mode)
    describe_field(header, field, root)
    yield from imprint(header)
    planned_s = 0.0 if mode == "last" else exposure_s
    result = ExposureResult(root, ut_of(time), jd_of(time), planned_s, mode, waits)
    timeout_s = expose_timeout(profile, mode, exposure_s, waits)
    if not waits:
        yield Begin(command, timeout_s)
        return replace(result, actual_exposure_s=(yield from wait_done(planned_s)))
    reply = yield Send(command, timeout_s)
    return with_reply(result, reply)


def with_reply(result: ExposureResult, reply: str) -> ExposureResult:
    found = number_in(reply)
    return replace(
        result, reply=reply, waited=True, actual_exposure_s=result.actual_exposure_s if found is None else found
    )


def wait_done(
    now: Now, exposure_s: float, pending: PendingExposure | None, store: Callable[[CameraStatus], None] | None
) -> Steps[float]:
    """Wait for the exposure, and then until no controller exposes any more; without `store` the status is not read.

    A pending exposure whose command has failed ends the wait with its error. BadReadout when a controller exposes for
    too long.
    """
    end = now.monotonic() + exposure_s
    while (left_s := end - now.monotonic()) > 0:
        if pending is not None and pending.is_done:
            pending.result()
        yield Sleep(min(left_s, POLL_S))
    if store is not None:
        yield from wait_not_exposing(now, exposure_s + MARGIN_S, store)
    return exposure_s


def wait_not_exposing(now: Now, most_s: float, store: Callable[[CameraStatus], None]) -> Steps[None]:
    """Read the status until no controller exposes. One that cannot be read is read again: the exposure goes on."""
    deadline, problem = now.monotonic() + most_s, ""
    while True:
        try:
            status = yield from read_status(now, store)
        except (ConnectionError, TimeoutError, CommandError) as error:
            problem = str(error)
        else:
            if status.error:
                raise CommandError(f"The camera reports an error: {status.comment}.", status.comment)
            if status.state_val[ControllerState.EXPOSING] == ALL_NEGATIVE_VAL:
                return
            problem = "The status says that the camera still exposes, or does not say it."
        if now.monotonic() >= deadline:
            raise BadReadout(f"The end of the exposure was not seen {most_s:g} s after it was due. {problem}")
        yield Sleep(POLL_S)


def wait_readout(now: Now, pending: PendingExposure | None, readout_s: float) -> Steps[str | None]:
    """The reply to a pending exposure, None without one. BadReadout when it does not come in `readout_s`."""
    if pending is None:
        return None
    deadline = now.monotonic() + readout_s
    while not pending.is_done:
        if now.monotonic() >= deadline:
            raise BadReadout(
                f"The readout did not end within {readout_s:g} s. It may still: wait again before the next exposure."
            )
        yield Sleep(POLL_S)
    return pending.result()


Pending = TypeVar("Pending", bound=PendingExposure)


class CameraState(Generic[Pending]):
    """One exposure at a time: it is *taken* until `take_exposure` returns, then *pending* until its readout is waited
    for."""

    def __init__(self, profile: ProfileName | Profile, now: Now) -> None:
        self.profile = PROFILES[profile] if isinstance(profile, str) else profile
        self.status_channel_active = self.profile.has_status_channel
        self.cam_status = CameraStatus()
        """The newest status."""
        self._now = now
        self._is_taking = False
        self._pending: Pending | None = None
        self._pending_result: ExposureResult | None = None

    @property
    def is_readout_pending(self) -> bool:
        return self._pending is not None

    def _check_idle(self, what: str) -> None:
        if self._pending is not None or self._is_taking:
            running = self._pending.command if self._pending else "an exposure"
            raise ExposurePending(f"{what!r} was not sent, because {running!r} has not ended: wait_camera_readout().")

    def _set_pending(self, pending: Pending) -> None:
        self._pending, self._pending_result = pending, None

    def _forget(self, pending: Pending | None) -> None:
        if self._pending is pending:
            self._pending = self._pending_result = None

    def _forget_failed(self) -> None:
        """The program has the error of the command now. One that has not ended may still go on."""
        if self._pending is not None and self._pending.is_done:
            self._forget(self._pending)

    def _store_status(self, status: CameraStatus) -> None:
        self.cam_status = status

    # Steps

    def _status_steps(self) -> Steps[CameraStatus]:
        return read_status(self._now, self._store_status)

    def _take_steps(
        self, field: Field, header: FitsHeader, override_h: float, mode: ExposureMode, waits: bool
    ) -> Steps[ExposureResult]:
        result = yield from take(self.profile, self._now, field, header, override_h, mode, waits, self._done_steps)
        if not waits:
            self._pending_result = result
        return result

    def _done_steps(self, exposure_s: float) -> Steps[float]:
        store = self._store_status if self.status_channel_active else None
        return wait_done(self._now, exposure_s, self._pending, store)

    def _readout_steps(self) -> Steps[ExposureResult | None]:
        """An error of the exposure's command ends its being pending; BadReadout does not."""
        pending, result = self._pending, self._pending_result
        try:
            reply = yield from wait_readout(self._now, pending, self.profile.readout_s)
        except BadReadout:
            raise
        except Exception:
            self._forget(pending)
            raise
        self._forget(pending)
        return with_reply(result, reply) if result is not None and reply is not None else None
