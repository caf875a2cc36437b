"""What a camera does for its program, as steps: each asks for one command or one pause. The steps are the same for
threads (`controller.py`) and for coroutines (`aio.py`), which do what they ask for."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Protocol, TypeAlias, TypeVar

from scheduler.telescope.driver.field import DARK_CODE, Field
from scheduler.telescope.driver.header import MAX_TEXT_BYTES, FitsHeader
from scheduler.telescope.driver.profiles import COMMAND_TIMEOUT_S, MARGIN_S, POLL_S, TRANSFER_S, Profile
from scheduler.telescope.driver.protocol import (
    CommandError,
    ExposureMode,
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
