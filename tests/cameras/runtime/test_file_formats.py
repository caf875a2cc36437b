"""The formats in which stills are kept."""

from __future__ import annotations

import subprocess
import sys
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cameras.resource import CameraFields
from cameras.runtime.file_formats import FITS_COMPRESSIONS, KEEP_FORMATS, checked_keep
from tests.harness.project import PROJECT
from tests.harness.waiting import PATIENCE_S

JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner), max_leaves=5)


@pytest.mark.parametrize("formats", [["jpeg"], ["fits", "jpeg"], ("tiff", "png"), *permutations(KEEP_FORMATS)])
def test_formats_keep_their_order(formats: Any) -> None:
    assert checked_keep(formats) == list(formats)


@pytest.mark.parametrize(
    ("formats", "sentence"),
    [
        ([], "Name at least one format of: jpeg, png, tiff, fits."),
        ("jpeg", "Name at least one format of: jpeg, png, tiff, fits."),
        (["jpg"], "There is no format 'jpg'. Did you mean jpeg? Known are: jpeg, png, tiff, fits."),
        (["raw"], "There is no format 'raw'. Known are: jpeg, png, tiff, fits."),
        ([["jpeg"]], "There is no format that. Known are: jpeg, png, tiff, fits."),
        (["jpeg", "jpeg"], "Name each format once; the first one is the primary file."),
    ],
)
def test_others_are_refused_with_what_is_allowed(formats: Any, sentence: str) -> None:
    with pytest.raises(ValueError, match=r"\.$") as refused:
        checked_keep(formats)
    assert str(refused.value) == sentence


@given(JSON)
def test_any_other_value_is_refused_with_a_short_sentence(value: Any) -> None:
    with pytest.raises(ValueError, match="format") as refused:
        checked_keep(value)
    assert len(str(refused.value)) < 200


@given(JSON.filter(lambda value: value not in list(FITS_COMPRESSIONS)))
def test_any_other_compression_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match="'none' or 'rice'"):
        CameraFields(fits_compression=value)


def test_a_camera_process_loads_astropy_only_for_a_fits_file() -> None:
    program = (
        "import sys, cameras.runtime.__main__, captures.stills.writer, captures.thumbnails.thread; "
        "sys.exit('astropy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], cwd=PROJECT, timeout=PATIENCE_S, check=False).returncode == 0
