"""The template of file names: what it accepts, and that names of distinct captures differ."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from captures.paths import (
    DEFAULT_TEMPLATE,
    LONGEST_FIELDS,
    MAX_LENGTH,
    FileNameTemplate,
    ImageOrganizer,
    PictureName,
    Site,
    check_template,
)
from tests.harness.camera_processes.camera_process import CameraProcess

AT = datetime(2026, 1, 16, 3, 5, 6, 789_000, UTC)
CAPTURE = "0199a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b"
SAFE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*\Z")

templates = st.builds(
    lambda fields, separators, place, ident: "".join(
        f"{{{name}}}{separator}"
        for name, separator in zip([*fields[:place], ident, *fields[place:]], separators, strict=True)
    ),
    st.lists(st.sampled_from(["camera", "time", "sequence", "exposure"]), min_size=3, max_size=3),
    st.lists(st.sampled_from(["_", "-", ".", "_x-", "0_", ".1"]), min_size=4, max_size=4),
    st.integers(0, 3),
    st.sampled_from(["id", "id12"]),
)
pictures = st.builds(
    PictureName,
    st.just("sky"),
    st.uuids().map(str),
    st.datetimes(datetime(1970, 1, 2), datetime(2200, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    st.none() | st.integers(0, 2**31 - 1),
    st.none() | st.integers(1, 3_600_000_000),
)


def name_or_refusal(text: str, picture: PictureName) -> str | None:
    """None for a refused template."""
    try:
        return FileNameTemplate(text).name(picture)
    except ValueError:
        return None


def name(template: str, index: int | None = None, exposure_us: int | None = None) -> str:
    return FileNameTemplate(template).name(PictureName("dslr", CAPTURE, AT, index, exposure_us))


@pytest.mark.parametrize(
    ("template", "index", "exposure_us", "expected"),
    [
        (DEFAULT_TEMPLATE, None, None, f"dslr_20260116_030506_789_{CAPTURE}"),
        ("{sequence}.{exposure}-{id12}", 42, 8_000_000, "000042.8s-0c1d2e3f4a5b"),
        ("{sequence}_{exposure}_{id12}", None, None, "single_default_0c1d2e3f4a5b"),
        ("{exposure}_{id12}", 0, 250_000, "250ms_0c1d2e3f4a5b"),
        ("{exposure}_{id12}", 0, 1_500_001, "1500001us_0c1d2e3f4a5b"),
    ],
)
def test_a_name_has_the_fields_of_its_template(
    template: str, index: int | None, exposure_us: int | None, expected: str
) -> None:
    assert name(template, index, exposure_us) == expected


@pytest.mark.parametrize(
    ("template", "problem"),
    [
        ("", "is missing"),
        ("{camera}", "is missing"),
        ("{id13}", "{id13} is not a field"),
        ("{}_{id}", "{} is not a field"),
        ("{id!r}", "{id!r} is not a field"),
        ("../{id}", "the folder is not part of it"),
        ("{camera}/{id}", "the folder is not part of it"),
        ("{id}\n", "only letters"),
        ("{{id}}", "only letters"),
        ("é{id}", "only letters"),
        (".{id}", "begins with"),
        ("-{id}", "begins with"),
        ("{camera}{id}", "between two fields"),
        ("{sequence}0{id12}", "between two fields"),
        ("x" * (MAX_LENGTH - 35) + "{id}", "the limit is 200"),
    ],
)
def test_a_template_that_could_make_a_bad_name_is_refused(template: str, problem: str) -> None:
    with pytest.raises(ValueError, match=re.escape(problem)):
        check_template(template)


@given(text=st.text(st.sampled_from("{}abid12.-_/\\ \n\0é") | st.characters(), max_size=40), picture=pictures)
def test_any_text_is_refused_or_makes_safe_names(text: str, picture: PictureName) -> None:
    found = name_or_refusal(text, picture)
    assert found is None or SAFE.match(found)
    assert found is None or picture.capture[-12:] in found
    assert len(found or "") <= MAX_LENGTH


@given(template=templates, one=pictures, other=pictures)
def test_captures_with_different_ids_have_different_names(template: str, one: PictureName, other: PictureName) -> None:
    names = FileNameTemplate(template)
    alike = one.fields()["id12"] == other.fields()["id12"]
    assert (names.name(one) == names.name(other)) <= alike


@given(picture=pictures)
def test_no_field_is_longer_than_its_limit(picture: PictureName) -> None:
    assert all(len(text) <= LONGEST_FIELDS[field] for field, text in picture.fields().items())


def test_the_organizer_puts_the_name_into_the_folder_of_the_night() -> None:
    organizer = ImageOrganizer("dslr", Site(None, None, "UTC"), "{sequence}_{id12}")
    assert organizer.path(CAPTURE, AT, index=7) == "captures/dslr/2026/01/16/raw/000007_0c1d2e3f4a5b"


def test_a_camera_process_names_files_by_the_template_of_its_spec(tmp_path: Path) -> None:
    with CameraProcess(tmp_path, file_names="{camera}.{exposure}.{id12}") as process:
        process.wait_for_type("observed", observed="ready")
        process.capture(CAPTURE, exposure_us=2000)
        process.wait_for_type("spooled", id=CAPTURE)
        process.finish()
    assert [path.name for path in tmp_path.glob("captures/sim/*/*/*/raw/*")] == ["sim.2ms.0c1d2e3f4a5b.jpg"]
