"""The parts of `skycam organize`: times, pairs, names, a decoder that crashes, and the lock of the copies."""

from __future__ import annotations

import errno
import io
import os
import signal
import struct
import zlib
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import ExifTags

from cameras.spool.storage import read_marker
from captures.organizing.adoption import FoundPicture, batches, pair_pictures
from captures.organizing.findings import NotPlaced, Reason, printable
from captures.organizing.inspection import (
    Inspection,
    decode,
    inspect_file,
    kind_of,
    printable_error,
    settings_of_raw,
)
from captures.organizing.inspector import Inspector
from captures.organizing.source import SourceFile, SourceFiles, TooManyFiles
from captures.organizing.staging import CHUNK_BYTES, CopyFailed, StagedFile, Staging, StagingLocked
from captures.organizing.times import (
    CameraZone,
    ExifDate,
    PlacedTime,
    TakenAt,
    gps_time,
    offset_by_gps,
    offset_text,
    parse_date,
    parse_fraction,
    parse_offset,
    resolve_time,
    taken_at,
)
from tests.harness.rows.cards import taken_picture, taken_raw, utc

NOW = utc(2026, 11, 23)
BERLIN = CameraZone("Europe/Berlin")


def never() -> bool:
    return False


def at(local: str, offset_s: int | None = None) -> TakenAt:
    return TakenAt(local=local, offset_s=offset_s, note="")


@pytest.mark.parametrize(
    ("taken", "expected", "warning"),
    [
        (at("2026-01-16T22:00:00.789000", 3600), utc(2026, 1, 16, 21, 0, 0, 789_000), ""),
        (at("2026-07-16T22:00:00"), utc(2026, 7, 16, 20), "was read in Europe/Berlin."),
        (at("2026-10-25T02:30:00"), utc(2026, 10, 25, 0, 30), "may be wrong by an hour."),
    ],
)
def test_a_time_is_that_of_its_offset_or_of_the_zone(taken: TakenAt, expected: datetime, warning: str) -> None:
    found = resolve_time(taken, BERLIN, NOW)
    assert found.at == expected
    assert found.warning.endswith(warning)
    assert bool(found.warning) == bool(warning)


def test_a_time_in_the_future_is_refused() -> None:
    with pytest.raises(NotPlaced, match="in the future"):
        resolve_time(at("2026-11-25T00:00:01", 0), BERLIN, NOW)


@given(text=st.text() | st.none() | st.integers() | st.binary() | st.from_regex(r"\d{4}:\d\d:\d\d \d\d:\d\d:\d\d"))
def test_no_content_of_exif_is_an_error(text: object) -> None:
    assert isinstance(parse_date(text), ExifDate | None)
    assert gps_time({ExifTags.GPS.GPSDateStamp: text, ExifTags.GPS.GPSTimeStamp: text}) is None
    assert 0 <= parse_fraction(text) < 1_000_000
    assert isinstance(parse_offset(text), int | None)


@given(fraction=st.integers(0, 999_999), offset=st.integers(-14 * 4, 14 * 4).map(lambda quarters: quarters * 900))
def test_fractions_and_offsets_are_read_as_they_are_written(fraction: int, offset: int) -> None:
    sign, minutes = "-" if offset < 0 else "+", abs(offset) // 60
    assert parse_fraction(f"{fraction:06}") == fraction
    text = f"{sign}{minutes // 60:02}:{minutes % 60:02}"
    assert parse_offset(text) == parse_offset(text.replace(":", "")) == parse_offset(f" {text}\0") == offset
    assert offset_text(offset) == text.replace("-00:00", "+00:00")
    assert parse_date(f"2026:01:16 22:00:00.{fraction:06}{text}") == ExifDate(
        datetime(2026, 1, 16, 22, 0, 0, fraction),  # noqa: DTZ001
        offset,
    )


@pytest.mark.parametrize(
    ("text", "offset_s"),
    [
        ("2025:01:14 18:31:30", None),
        ("2025:01:14 18:31:30\0", None),
        ("2025:01:14 18:31:30+0000", 0),
        ("2025:01:14 18:31:30Z", 0),
        ("2025-01-14T18:31:30+01:00", 3600),
        ("2025:01:14 18:31:30 -03", -10_800),
    ],
)
def test_a_date_of_exif_may_have_an_offset(text: str, offset_s: int | None) -> None:
    assert parse_date(text) == ExifDate(datetime(2025, 1, 14, 18, 31, 30), offset_s)  # noqa: DTZ001


@pytest.mark.parametrize(
    "text",
    [
        "2025:01:14 18:31:30 PM", "2025:01:14 18:31:30+01:00 DST", "2025:01:14 18:31:30+99:00",
        "2025:01:14 18:31:300", "2025:01:14 18:31:30 x", "2025:01:14 18:31", "0000:00:00 00:00:00",
    ],
)  # fmt: skip
def test_no_beginning_of_a_date_is_one(text: str) -> None:
    assert parse_date(text) is None


ORIGINAL = {ExifTags.Base.DateTimeOriginal: "2026:01:16 22:00:00"}
CHANGED = {ExifTags.Base.OffsetTime: "-05:00"}


def gps_of(hour: int, minute: int, second: int = 0, date: str = "2026:01:16") -> dict[int, object]:
    return {ExifTags.GPS.GPSDateStamp: date, ExifTags.GPS.GPSTimeStamp: (hour, minute, second)}


@pytest.mark.parametrize(
    ("details", "place", "offset_s", "note"),
    [
        (ORIGINAL, {}, None, ""),
        (ORIGINAL | CHANGED, {}, -18_000, "that of its last change was used (OffsetTime, -05:00)."),
        (ORIGINAL, gps_of(20, 59, 40), 3600, "by the time of its GPS it is +01:00."),
        (ORIGINAL, gps_of(16, 15), 20_700, "by the time of its GPS it is +05:45."),
        (ORIGINAL | CHANGED, gps_of(21, 0), 3600, "by the time of its GPS it is +01:00."),
        (ORIGINAL, gps_of(20, 53), None, "2026-01-16 20:53:00 UTC, fits no time zone and was not used."),
        (ORIGINAL, gps_of(21, 0, date="2020:01:16"), None, "fits no time zone and was not used."),
        (ORIGINAL | {ExifTags.Base.OffsetTimeOriginal: "+02:00"} | CHANGED, gps_of(21, 0), 7200, ""),
        (
            {ExifTags.Base.DateTimeOriginal: "2026:01:16 22:00:00Z", ExifTags.Base.OffsetTimeOriginal: "+02:00"}, {},
            0, "+00:00 of the date itself was used, and not +02:00.",
        ),
    ],
)  # fmt: skip
def test_where_an_offset_comes_from_is_said(
    details: dict[int, object], place: dict[int, object], offset_s: int | None, note: str
) -> None:
    found = taken_at(details, place)
    assert found is not None
    assert (found["local"], found["offset_s"]) == ("2026-01-16T22:00:00", offset_s)
    assert found["note"].endswith(note)
    assert bool(found["note"]) == bool(note)


def test_without_a_date_the_time_of_the_gps_is_used() -> None:
    found = taken_at({}, gps_of(21, 0, 30))
    assert found is not None
    assert (found["local"], found["offset_s"]) == ("2026-01-16T21:00:30", 0)
    assert resolve_time(found, BERLIN, NOW) == PlacedTime(
        utc(2026, 1, 16, 21, 0, 30), "Its EXIF has no date of the exposure; the time of its GPS was used."
    )


@given(st.integers(-56, 56), st.integers(-120, 120))
def test_every_time_zone_is_found_by_a_gps(quarters: int, late_s: int) -> None:
    gps = datetime(2026, 1, 16, 22)  # noqa: DTZ001
    local = gps + timedelta(seconds=quarters * 900 + late_s)
    assert offset_by_gps(local, gps) == quarters * 900


@given(content=st.binary(max_size=300), name=st.sampled_from(["a.jpg", "a.cr2", "a.tif", "a.png", "a.dng", "a"]))
def test_no_content_of_a_file_is_an_error(content: bytes, name: str) -> None:
    descriptor = os.memfd_create("picture")
    os.write(descriptor, b"\xff\xd8\xff" + content)
    with pytest.raises(NotPlaced) as raised:
        inspect_file(descriptor, name)
    os.close(descriptor)
    assert raised.value.reason in {Reason.BROKEN, Reason.NOT_A_PICTURE}


@pytest.mark.parametrize("name", ["a.jpg", "a.dng"])
def test_a_disk_that_fails_is_no_broken_picture(name: str) -> None:
    class FailingDisk(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    with pytest.raises(OSError, match="Input/output error"):
        decode(FailingDisk(), *kind_of(b"\xff\xd8\xff", name))


def test_implausible_values_of_a_raw_file_are_left_out() -> None:
    # What the columns of a capture cannot hold.
    huge = SimpleNamespace(shutter_speed=1e9, aperture=1e9, iso_speed=5e9)
    assert settings_of_raw(huge) == {}
    plain = SimpleNamespace(shutter_speed=0.008, aperture=4.0, iso_speed=800.0)
    assert settings_of_raw(plain) == {"exposure_us": 8000, "f_number": 4.0, "iso": 800}


def test_the_message_of_a_decoder_is_printable() -> None:
    assert printable_error(ValueError("bad\x1b[31m\0 \udcff")) == r"bad\x1b[31m\x00 \xff."


@given(name=st.binary(min_size=1, max_size=40))
def test_any_file_name_becomes_printable_text(name: bytes) -> None:
    shown = printable(os.fsdecode(name))
    assert shown.isprintable()
    assert shown.encode()


def picture(path: str, kind: str, second: float | None, digest: str = "") -> FoundPicture:
    found = Inspection(
        kind=kind, suffix=".x", bytes=1, sha256=digest or path, width=1, height=1, taken=None, exposure_us=None,
        iso=None, f_number=None, serial="", simulated=False,
    )  # fmt: skip
    time = None if second is None else PlacedTime(datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=second))
    return FoundPicture(SourceFile(path, 1), found, time)


def paths(*pictures: FoundPicture) -> list[list[str]]:
    return [[one.file.path for one in capture.pictures] for capture in pair_pictures(pictures)[0]]


@pytest.mark.parametrize(
    ("raw", "jpeg", "expected"),
    [
        (("a/1.cr2", 0.0), ("a/1.jpg", 2.0), [["a/1.jpg", "a/1.cr2"]]),
        (("a/1.cr2", None), ("a/1.jpg", 2.0), [["a/1.jpg", "a/1.cr2"]]),
        (("a/1.cr2", 0.0), ("a/1.jpg", 2.1), [["a/1.jpg"], ["a/1.cr2"]]),
        (("a/1.cr2", 0.0), ("b/1.jpg", 0.0), [["b/1.jpg"], ["a/1.cr2"]]),
        (("a/1.cr2", 0.0), ("a/2.jpg", 0.0), [["a/2.jpg"], ["a/1.cr2"]]),
    ],
)
def test_raw_and_jpeg_are_one_capture_by_stem_folder_and_time(
    raw: tuple[str, float | None], jpeg: tuple[str, float | None], expected: list[list[str]]
) -> None:
    assert paths(picture(raw[0], "raw", raw[1]), picture(jpeg[0], "jpeg", jpeg[1])) == expected


def test_a_batch_does_not_part_the_files_of_a_stem() -> None:
    files = [SourceFile(name, 10) for name in ("1.cr2", "1.jpg", "2.cr2", "2.jpg", "3.jpg")]
    assert [[one.path for one in batch] for batch in batches(files, 1, 1000)] == [
        ["1.cr2", "1.jpg"],
        ["2.cr2", "2.jpg"],
        ["3.jpg"],
    ]


def test_a_batch_is_bounded_also_if_the_numbers_of_the_pictures_are_their_endings() -> None:
    files = [SourceFile(f"img.{number:04}", 10) for number in range(120)]
    assert [len(batch) for batch in batches(files, 50, 10_000)] == [50, 50, 20]


def test_a_folder_with_too_many_files_is_refused(tmp_path: Path) -> None:
    for number in range(4):
        (tmp_path / f"{number}.jpg").touch()
    with closing(SourceFiles(str(tmp_path))) as source, pytest.raises(TooManyFiles, match="more than 3 files"):
        source.list_files(set(), most=3)


def test_a_file_that_disappears_during_the_listing_hides_no_other_file() -> None:
    # The listing of this folder names its own descriptor, which is closed when the entries are read.
    with closing(SourceFiles(f"/proc/{os.getpid()}/fd")) as source:
        listing = source.list_files(set())
    assert len(listing.ignored) > 2
    assert {one.reason for one in listing.ignored} == {Reason.SYMBOLIC_LINK}


@pytest.mark.parametrize("content", [b"newer", b"new"])
def test_an_original_that_was_written_again_is_not_removed(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(b"old")
    os.utime(path, (1_800_000_000, 1_800_000_000))
    before = path.stat()
    path.write_bytes(content)
    with closing(SourceFiles(str(tmp_path))) as source:
        assert source.remove("a.jpg", before) is False
    assert path.read_bytes() == content


def test_a_file_that_crashes_the_decoder_is_broken_and_the_next_one_is_read(tmp_path: Path) -> None:
    (tmp_path / "good.jpg").write_bytes(taken_picture())
    (tmp_path / "good.dng").write_bytes(taken_raw())
    with Inspector(str(tmp_path), never) as inspector:
        assert inspector.inspect("good.jpg")["kind"] == "jpeg"
        (child,) = [one for one in psutil.Process().children() if "captures.organizing.worker" in one.cmdline()]
        child.send_signal(signal.SIGSEGV)
        with pytest.raises(NotPlaced, match="was ended by signal 11") as raised:
            inspector.inspect("good.jpg")
        assert raised.value.reason is Reason.BROKEN
        assert inspector.inspect("good.dng")["kind"] == "raw"


def test_a_file_that_takes_too_long_is_broken(tmp_path: Path) -> None:
    (tmp_path / "good.jpg").write_bytes(taken_picture())
    with Inspector(str(tmp_path), never, timeout_s=0.0) as inspector, pytest.raises(NotPlaced, match="more than 0 s"):
        inspector.inspect("good.jpg")


def test_a_picture_of_too_many_pixels_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    # Fewer than those at which Pillow itself refuses.
    header = b"IHDR" + struct.pack(">IIBBBBB", 13_000, 13_000, 1, 0, 0, 0, 0)
    chunks = [
        len(chunk[4:]).to_bytes(4) + chunk + zlib.crc32(chunk).to_bytes(4) for chunk in (header, b"IDAT", b"IEND")
    ]
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunks))
    with (
        Inspector(str(tmp_path), never) as inspector,
        pytest.raises(NotPlaced, match="13000 x 13000 pixels; the limit"),
    ):
        inspector.inspect("a.png")


def test_a_copy_that_the_disk_did_not_keep_is_removed(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "original").write_bytes(bytes(CHUNK_BYTES + 1))
    part = folder / ".organize/a.part"

    def damages_the_first_chunk() -> bool:
        if part.stat().st_size:
            with part.open("r+b") as copy:
                copy.write(b"another beginning")
        return False

    with (
        Staging(str(folder), str(read_marker(str(folder)))) as staging,
        (tmp_path / "original").open("rb") as original,
        pytest.raises(CopyFailed, match="did not keep a copy as it was written"),
    ):
        staging.copy(original.fileno(), "a.part", damages_the_first_chunk)
    assert not part.exists()


def test_a_plan_that_was_not_completely_written_is_removed(folder: Path) -> None:
    with Staging(str(folder), str(read_marker(str(folder)))) as staging:
        (folder / ".organize/tmp-a.json").write_text('{"captures": ["0193')
        assert staging.recover(lambda captures: set()) == 0
    assert os.listdir(folder / ".organize") == [".lock"]


def test_a_batch_that_is_undone_leaves_the_picture_of_another_capture_at_its_path(folder: Path) -> None:
    taken, own = folder / "captures/moon.jpg", folder / "captures/own.jpg"
    taken.parent.mkdir()
    taken.write_bytes(b"another capture")
    with Staging(str(folder), str(read_marker(str(folder)))) as staging:
        files = [StagedFile("b.part", "captures/own.jpg"), StagedFile("a.part", "captures/moon.jpg")]
        for file in files:
            (folder / ".organize" / file.part).write_bytes(b"adopted")
        staging.plan(["a"], files)
        with pytest.raises(FileExistsError):
            staging.place(files)
        assert own.exists()
        assert staging.recover(lambda captures: set()) == 1
    assert taken.read_bytes() == b"another capture"
    assert os.listdir(taken.parent) == ["moon.jpg"]


def test_two_processes_do_not_adopt_into_one_root_at_the_same_time(folder: Path) -> None:
    root = str(read_marker(str(folder)))
    with Staging(str(folder), root), pytest.raises(StagingLocked, match="Another process"):
        Staging(str(folder), root)
    with Staging(str(folder), root) as staging:
        assert staging.recover(lambda captures: set()) == 0
