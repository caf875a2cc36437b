"""A frame's number survives the encoders, and a damaged code gives no number, never a wrong one."""

from __future__ import annotations

import io

import av
import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cameras.drivers.simulated.codec import BLOCK, COLUMNS, LAST_NUMBER, ROWS, draw_frame_number, read_frame_number
from cameras.drivers.simulated.scenes.base import ExposureSettings, SceneSettings
from cameras.drivers.simulated.scenes.chart import ChartScene
from tests.harness.runs.examples import examples

numbers = st.integers(0, LAST_NUMBER)
few = examples(40)
AREA = (slice(BLOCK, BLOCK * (ROWS + 1)), slice(BLOCK, BLOCK * (COLUMNS + 1)))
scene = ChartScene(SceneSettings(640, 480, shot_noise=True))


def frame(number: int, exposure_us: int = 10_000) -> np.ndarray:
    return scene.render(number, ExposureSettings(exposure_us), 1_800_000_000_123_456_789, number % 100)


def through_jpeg(image: np.ndarray, quality: int) -> np.ndarray:
    _, data = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    return cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1]


def through_h264(images: list[np.ndarray], crf: int) -> list[np.ndarray]:
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        video = container.add_stream("libx264", rate=15, options={"preset": "ultrafast", "crf": str(crf)})
        video.height, video.width, video.pix_fmt = *images[0].shape[:2], "yuv420p"
        packets = [video.encode(av.VideoFrame.from_ndarray(image, format="rgb24")) for image in images]
        container.mux([packet for group in [*packets, video.encode()] for packet in group])
    file.seek(0)
    with av.open(file) as container:
        return [decoded.to_ndarray(format="rgb24") for decoded in container.decode(video=0)]


@few
@given(number=numbers, quality=st.integers(50, 95), exposure_us=st.integers(20, 8_000_000))
def test_a_number_survives_jpeg(number: int, quality: int, exposure_us: int) -> None:
    assert read_frame_number(through_jpeg(frame(number, exposure_us), quality)) == number


@examples(6)
@given(sent=st.lists(numbers, min_size=1, max_size=6), crf=st.integers(18, 28))
def test_numbers_survive_h264_in_their_order(sent: list[int], crf: int) -> None:
    assert [read_frame_number(image) for image in through_h264([frame(n) for n in sent], crf)] == sent


@few
@given(number=numbers)
def test_a_number_is_read_in_half_size_and_in_grey(number: int) -> None:
    grey = cv2.cvtColor(frame(number), cv2.COLOR_RGB2GRAY)
    half = cv2.resize(frame(number), None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    assert [read_frame_number(image) for image in (grey, half, through_jpeg(half, 75))] == [number] * 3


@few
@given(number=numbers)
def test_a_number_is_read_in_sixteen_bits(number: int) -> None:
    assert read_frame_number(frame(number).astype(np.uint16) * 257) == number


@few
@given(number=numbers, flipped=st.sets(st.integers(0, ROWS * COLUMNS - 1), min_size=1))
def test_flipped_blocks_give_none(number: int, flipped: set[int]) -> None:
    image = frame(number)
    mask = np.isin(np.arange(ROWS * COLUMNS), list(flipped)).reshape(ROWS, COLUMNS)
    image[AREA] ^= np.where(mask, np.uint8(251), np.uint8(0)).repeat(BLOCK, 0).repeat(BLOCK, 1)[..., None]
    assert read_frame_number(image) is None


@few
@given(number=numbers, row=st.integers(16, 80), column=st.integers(16, 256), value=st.integers(0, 255))
def test_a_painted_over_code_gives_its_number_or_none(number: int, row: int, column: int, value: int) -> None:
    image = frame(number)
    image[row : row + 24, column : column + 24] = value
    assert read_frame_number(image) in {number, None}


@few
@given(first=numbers, second=numbers, rows=st.integers(0, 96))
def test_a_torn_frame_gives_one_of_its_numbers_or_none(first: int, second: int, rows: int) -> None:
    image = frame(first)
    image[:rows] = frame(second)[:rows]
    assert read_frame_number(image) in {first, second, None}


@few
@given(seed=st.integers(0, 2**32))
def test_noise_has_no_number(seed: int) -> None:
    assert read_frame_number(np.random.default_rng(seed).integers(0, 2, (480, 640), np.uint8) * 255) is None


@pytest.mark.parametrize("shape", [(0, 0), (10, 10, 3), (96, 100), (480, 640), (480, 640, 3)])
def test_a_picture_without_a_code_has_no_number(shape: tuple[int, ...]) -> None:
    assert read_frame_number(np.zeros(shape, np.uint8)) is None
    assert read_frame_number(np.full(shape, 255, np.uint8)) is None


def test_the_largest_number_fits() -> None:
    image = np.zeros((480, 640), np.uint8)
    draw_frame_number(image, LAST_NUMBER)
    assert read_frame_number(image) == LAST_NUMBER
