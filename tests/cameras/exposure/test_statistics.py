"""Statistics of frames: the same fractions for every kind of frame, and only of the measured region."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from cameras.exposure.levels import Levels
from cameras.exposure.statistics import FrameStatistics, Unmeasurable, as_body, statistics_of

GREY = np.tile(np.arange(256, dtype=np.uint8), (64, 1))
"""Each level in one column."""
FRAMES = {
    "mono 8": GREY,
    "mono 16": GREY.astype(np.uint16) * 257,
    "RGB 8": np.repeat(GREY[..., None], 3, axis=2),
    "RGB 16": np.repeat(GREY[..., None].astype(np.uint16) * 257, 3, axis=2),
}
NAMES = ("mean", "median", "p1", "p99", "saturated", "black")


def upper_half() -> NDArray[np.bool_]:
    grid = np.zeros((64, 64), np.bool_)
    grid[:32] = True
    return grid


def sky_above_ground(height: int = 480, width: int = 640) -> Any:
    """A sky of 200 above a ground of 20."""
    frame = np.full((height, width, 3), 20, np.uint8)
    frame[: height // 2] = 200
    return frame


@pytest.mark.parametrize("kind", FRAMES)
def test_frames_of_every_kind_have_the_same_fractions(kind: str) -> None:
    found = statistics_of(FRAMES[kind])
    assert [getattr(found, name) for name in NAMES] == pytest.approx(
        [0.5, 127 / 255, 2 / 255, 253 / 255, 6 / 256, 3 / 256], abs=1 / 400
    )


@pytest.mark.parametrize("kind", FRAMES)
def test_the_histogram_counts_each_pixel_once(kind: str) -> None:
    found = statistics_of(FRAMES[kind])
    assert found.histogram == (256,) * 64
    assert found.luma.pixels == found.peak.pixels == 256 * 64


def test_a_pixel_is_saturated_if_one_channel_is() -> None:
    blue = np.zeros((10, 10, 3), np.uint8)
    blue[:5] = (0, 0, 250)
    found = statistics_of(blue)
    assert (found.saturated, found.black) == (0.5, 0.5)
    assert found.p99 < 0.2


def test_249_of_255_is_not_saturated_and_3_is_not_black() -> None:
    found = statistics_of(np.array([[249, 3], [249, 3]], np.uint8))
    assert (found.saturated, found.black) == (0, 0)


def test_a_mask_that_excludes_the_ground_changes_the_mean() -> None:
    whole, sky = statistics_of(sky_above_ground()), statistics_of(sky_above_ground(), upper_half())
    assert whole.mean == pytest.approx(110 / 255, abs=0.001)
    assert sky.mean == pytest.approx(200 / 255, abs=0.001)
    assert sky.luma.pixels == pytest.approx(whole.luma.pixels / 2, rel=0.01)


def test_a_mask_is_applied_to_16_bits_alike() -> None:
    sixteen = sky_above_ground()[..., 0].astype(np.uint16) * 257
    assert statistics_of(sixteen, upper_half()).mean == pytest.approx(200 / 255, abs=0.001)


def test_a_mask_without_a_pixel_of_a_small_frame_is_refused() -> None:
    corner = np.zeros((64, 64), np.bool_)
    corner[63, 63] = True
    with pytest.raises(Unmeasurable, match="covers all pixels"):
        statistics_of(np.zeros((2, 2), np.uint8), corner)


@pytest.mark.parametrize("shape", [(4000, 6000), (1024, 1280), (480, 640), (2, 300_000), (2000, 2000)])
def test_at_most_about_200_000_pixels_are_measured_evenly(shape: tuple[int, int]) -> None:
    ramp = np.broadcast_to(np.linspace(0, 255, shape[1]).astype(np.uint8), shape)
    found = statistics_of(np.ascontiguousarray(ramp))
    assert 100_000 <= found.luma.pixels <= 310_000
    assert found.mean == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize(
    "frame",
    [np.zeros((0, 4), np.uint8), np.zeros((4, 4), np.float32), np.zeros((4, 4, 4), np.uint8), np.zeros(4, np.uint8)],
)
def test_what_is_no_frame_is_refused(frame: Any) -> None:
    with pytest.raises(Unmeasurable, match="cannot be measured"):
        statistics_of(frame)


def test_a_frame_that_must_not_be_written_to_is_measured() -> None:
    frame = sky_above_ground()
    frame.setflags(write=False)
    assert statistics_of(frame).median in {20 / 255, 200 / 255}


def test_the_body_has_plain_rounded_numbers() -> None:
    body = as_body(statistics_of(FRAMES["RGB 8"]))
    assert list(body) == ["mean", "median", "p1", "p99", "saturated", "black"]
    assert body["saturated"] == 0.0234
    assert {type(value) for value in body.values()} == {float}


@given(st.lists(st.integers(0, 50), min_size=256, max_size=256).filter(any))
def test_figures_of_any_levels_are_ordered_fractions(counts: list[int]) -> None:
    levels = Levels(tuple(counts))
    found = FrameStatistics.from_levels(levels, levels)
    assert 0 <= found.p1 <= found.median <= found.p99 <= 1
    assert 0 <= found.mean <= 1
    assert sum(found.histogram) == sum(counts)


def test_levels_without_pixels_have_no_mean() -> None:
    with pytest.raises(ValueError, match="No pixel"):
        Levels((0, 0)).mean()
