"""Releasing the shutter and collecting the files of the capture."""

from __future__ import annotations

from collections.abc import Iterator

from cameras.drivers.base import CameraError, Clock, Exposure
from cameras.drivers.gphoto2.exif import read_exif
from cameras.drivers.gphoto2.session import CardFile, Session, kind_of, library

SECOND_FILE_S = 4.0
"""The time that a RAW + JPEG camera has to announce the second file."""
# Short, since the deadline is checked only between the calls of the library.
EVENT_MS = 100
IN_MEMORY = "/"
"""The folder of a picture in the camera's memory. It is gone once fetched, and its name is reused."""


def release_shutter(session: Session, clock: Clock, exposure: Exposure, bulb_us: int | None) -> CardFile:
    """Expose, timed by the camera or by holding the shutter open (bulb); returns the first file."""
    exposure.started_ns = clock.wall_ns()
    if bulb_us is None:
        file = session.capture()
    else:
        exposure.actual["exposure_us"] = round(session.expose_bulb(bulb_us / 1e6) * 1e6)
        file = _first_file(session)
    # Before the transfer, which for a RAW file takes seconds and is not part of the exposure.
    exposure.ended_ns = clock.wall_ns()
    return file


def collect_files(
    session: Session, clock: Clock, exposure: Exposure, first: CardFile, promised: frozenset[str], *, bulb: bool
) -> bool:
    """Fetch the first file, which is required, and the others that the format includes, which may be missing. EXIF
    fills in what the camera did not report.

    False when the session must end: a missing file may still be announced, and would be counted as a file of the next
    capture.
    """
    _fetch_file(session, exposure, first)
    succeeded = True
    try:
        for file in _further_files(session, clock, exposure, first, promised):
            _fetch_file(session, exposure, file)
    except (library().GPhoto2Error, CameraError) as error:
        # Not raised: the first picture is in memory, and an exposure that raises has none.
        exposure.warnings.append(f"The camera sent one file and then failed: {error}")
        succeeded = False
    exposure.missing = sorted(promised - _kinds(exposure))
    if exposure.missing:
        exposure.warnings.append(f"The camera sent no {' or '.join(exposure.missing)} file, which its format includes.")
    _add_exif(exposure, bulb=bulb)
    return succeeded and not exposure.missing


def _add_exif(exposure: Exposure, *, bulb: bool) -> None:
    """The camera's setting is exact where EXIF rounds; for bulb the EXIF time is the measured one."""
    reported = {name: value for file in reversed(exposure.files) for name, value in read_exif(file).items()}
    measured = {"exposure_us": reported["exposure_us"]} if bulb and "exposure_us" in reported else {}
    # The order is the priority: EXIF, then what the camera reported, then the measured bulb time.
    exposure.actual = reported | exposure.actual | measured


def _first_file(session: Session) -> CardFile:
    """The first file of a bulb exposure; CameraError too_slow when it does not arrive."""
    while (file := session.next_file(EVENT_MS)) is None:
        session.check_due()
    return file


def _further_files(
    session: Session, clock: Clock, exposure: Exposure, first: CardFile, promised: frozenset[str]
) -> Iterator[CardFile]:
    """One file of each kind: any other file belongs to another capture."""
    until = clock.monotonic() + SECOND_FILE_S
    # Computed again after each `yield`: the caller adds the fetched file to the exposure.
    while (wanted := promised - _kinds(exposure)) and clock.monotonic() < until:
        file = session.next_file(EVENT_MS)
        # Some cameras also announce the file that capture() has returned.
        if file is not None and file != first and kind_of(file.name) in wanted:
            yield file


def _fetch_file(session: Session, exposure: Exposure, file: CardFile) -> None:
    if file.folder != IN_MEMORY:
        # Before the fetch, and still safe if that fails: the session then ends, and `delete_from_card` deletes only
        # files of the current session.
        exposure.card.append(file)
    exposure.files.append(session.fetch(file))


def _kinds(exposure: Exposure) -> frozenset[str]:
    return frozenset(file.kind for file in exposure.files)
