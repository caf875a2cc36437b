"""References to files that stay with the camera."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cameras.drivers.base import FileReference
from tests.harness.camera_processes.camera_loop import CameraLoopBench
from tests.harness.far_ends.scripted_camera import exposure

PLACE = "pco-nuc:/data/20260101000000s_a.fits"
HASH = "ab" * 32


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[CameraLoopBench]:
    with CameraLoopBench(tmp_path) as bench:
        bench.wait_for_type("observed", observed="ready")
        yield bench


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"kind": ""}, "no kind of file"),
        ({"kind": "../fits"}, "no kind of file"),
        ({"kind": "FITS"}, "no kind of file"),
        ({"place": ""}, "one line of 1 to 500"),
        ({"place": "pco-nuc:/data/a.fits\nother"}, "one line of 1 to 500"),
        ({"place": "x" * 501}, "one line of 1 to 500"),
        ({"bytes": -1}, "where the size is unknown"),
        ({"sha256": "AB" * 32}, "64 lower-case"),
        ({"sha256": HASH[1:]}, "64 lower-case"),
    ],
    ids=str,
)
def test_a_reference_that_no_record_can_have_is_refused_with_a_sentence(wrong: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        FileReference(**{"kind": "fits", "place": PLACE, **wrong})


def test_a_capture_whose_files_stay_with_the_camera_is_saved_and_says_where_they_are(bench: CameraLoopBench) -> None:
    bench.camera.next.append(
        exposure(references=[FileReference("fits", PLACE), FileReference("fits", "/shared/b.fits", 2880, HASH)])
    )
    record = bench.outcome(bench.capture())
    assert (record["outcome"], record["files"]) == ("saved", [])
    assert record["references"] == [
        {"kind": "fits", "place": PLACE, "bytes": None, "sha256": None},
        {"kind": "fits", "place": "/shared/b.fits", "bytes": 2880, "sha256": HASH},
    ]


def test_a_capture_with_references_that_misses_a_kind_has_failed_and_keeps_them(bench: CameraLoopBench) -> None:
    bench.camera.next.append(exposure(references=[FileReference("fits", PLACE)], missing=["raw"]))
    record = bench.outcome(bench.capture())
    assert (record["outcome"], record["reason"]) == ("failed", "incomplete")
    assert [one["place"] for one in record["references"]] == [PLACE]


def test_a_capture_without_a_picture_and_without_a_reference_has_failed(bench: CameraLoopBench) -> None:
    bench.camera.next.append(exposure())
    record = bench.outcome(bench.capture())
    assert (record["outcome"], record["reason"]) == ("failed", "incomplete")
    assert record["message"] == "The camera delivered neither a picture nor where it is."
