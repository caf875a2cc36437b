"""Rendering thumbnails, and storing them."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import ExifTags, Image

from cameras.spool.storage import RootMissing, read_marker
from captures.thumbnails import rendering as thumbnail_rendering
from captures.thumbnails.rendering import SIMULATED, Unreadable, image_from_file, image_from_frame, render_thumbnails
from captures.thumbnails.store import SIZES, ThumbnailJob, ThumbnailStore, picture_index
from captures.thumbnails.worker import render_file
from tests.harness.rows.pictures import bare_dng, dng, gradient, jpeg

SHA = "ab" * 32


def sizes(image: Any) -> list[tuple[int, int]]:
    return [Image.open(io.BytesIO(content)).size for _, content in render_thumbnails(image)]


def corner(image: Image.Image) -> tuple[str, ...]:
    """Where the blue corner is."""
    rows = np.asarray(image.resize((2, 2), Image.Resampling.BOX))[..., 2] > 20
    places = ["upper left", "upper right", "lower left", "lower right"]
    return tuple(place for place, blue in zip(places, rows.ravel(), strict=True) if blue)


def test_each_size_has_that_longest_side_and_nothing_is_enlarged() -> None:
    assert sizes(image_from_frame(gradient(4000, 3000))) == [(2048, 1536), (800, 600), (320, 240)]
    assert sizes(image_from_frame(gradient(500, 1000))) == [(500, 1000), (400, 800), (160, 320)]


@pytest.mark.parametrize("shape", [(40, 60), (40, 60, 3)])
@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
def test_thumbnails_are_rendered_from_every_kind_of_frame(shape: tuple[int, ...], depth: Any) -> None:
    bright = np.full(shape, np.iinfo(depth).max, depth)
    content = dict(render_thumbnails(image_from_frame(bright)))[320]
    assert np.asarray(Image.open(io.BytesIO(content)).convert("L")).min() > 250


@pytest.mark.parametrize(("orientation", "place"), [(1, "upper left"), (3, "lower right"), (6, "upper right")])
@pytest.mark.parametrize("kind", ["jpeg", "raw"])
def test_a_camera_that_was_rotated_gives_upright_thumbnails(orientation: int, place: str, kind: str) -> None:
    content = jpeg(400, 300, orientation) if kind == "jpeg" else dng(jpeg(400, 300), orientation)
    assert corner(image_from_file(io.BytesIO(content), kind)) == (place,)


def test_a_preview_that_is_rotated_already_is_not_rotated_twice() -> None:
    assert image_from_file(io.BytesIO(dng(jpeg(400, 300, 6), 6)), "raw").size == (300, 400)


def test_a_raw_file_without_a_preview_is_developed() -> None:
    rendered = image_from_file(io.BytesIO(bare_dng(64, 48)), "raw").convert("L")
    assert rendered.size == (32, 24)
    assert rendered.getpixel((1, 5)) < rendered.getpixel((30, 5))  # type: ignore[operator]


def test_a_raw_file_with_a_broken_preview_is_developed() -> None:
    broken = dng(jpeg(400, 300)).replace(b"\xff\xda", b"\0\0")
    assert image_from_file(io.BytesIO(broken), "raw").size == (32, 32)


def test_a_raw_file_without_a_preview_is_rotated_as_the_camera_was() -> None:
    assert image_from_file(io.BytesIO(bare_dng(64, 48, orientation=6)), "raw").size == (24, 32)


def test_a_picture_of_16_bits_without_contrast_keeps_its_upper_bytes() -> None:
    content = io.BytesIO()
    Image.fromarray(np.full((30, 40), 0x7F00, np.uint16)).save(content, "PNG")
    assert np.asarray(image_from_file(content, "png")).max() == 0x7F


def test_the_thumbnails_of_a_simulated_picture_say_that_it_is_simulated() -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.ImageDescription] = SIMULATED
    content = io.BytesIO()
    Image.fromarray(gradient(400, 300)).save(content, "JPEG", exif=exif.tobytes())
    rendered = dict(render_thumbnails(image_from_file(content, "jpeg")))[320]
    assert Image.open(io.BytesIO(rendered)).getexif()[ExifTags.Base.ImageDescription] == SIMULATED


@pytest.mark.parametrize("form", ["PNG", "TIFF"])
def test_a_picture_of_16_bits_keeps_its_mark_and_its_orientation(form: str) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.ImageDescription], exif[ExifTags.Base.Orientation] = SIMULATED, 6
    content = io.BytesIO()
    Image.fromarray(np.zeros((30, 40), np.uint16)).save(content, form, exif=exif)
    image = image_from_file(content, form.lower())
    assert image.size == (30, 40)
    assert image.info["simulated"] is True


def huge_png() -> bytes:
    """A header that declares 60,000 x 60,000 pixels."""
    head = b"IHDR" + struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + head + struct.pack(">I", zlib.crc32(head))


HOSTILE = {
    "empty": (b"", "jpeg"),
    "noise": (bytes(range(256)) * 40, "jpeg"),
    "cut": (jpeg(400, 300)[:2000], "jpeg"),
    "another format": (huge_png(), "jpeg"),
    "a bomb": (huge_png(), "png"),
    "postscript": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "tiff"),
    "raw noise": (bytes(range(256)) * 400, "raw"),
    "raw cut": (dng(jpeg(400, 300))[:9000], "raw"),
    "unknown": (b"x", "other"),
    "no FITS": (b"x", "fits"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_file_that_is_not_a_picture_is_unreadable(name: str) -> None:
    content, kind = HOSTILE[name]
    with pytest.raises(Unreadable):
        image_from_file(io.BytesIO(content), kind)


def test_more_pixels_than_the_limit_are_not_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(thumbnail_rendering, "MAX_PIXELS", 1000)
    with pytest.raises(Unreadable, match="400 x 300"):
        image_from_file(io.BytesIO(jpeg(400, 300)), "jpeg")


@pytest.mark.parametrize(
    ("kinds", "place"),
    [(["raw", "jpeg"], 1), (["raw"], 0), (["fits", "png"], 1), (["fits"], 0), (["other"], None), ([], None)],
)
def test_a_capture_shows_its_file_of_the_fastest_kind(kinds: list[str], place: int | None) -> None:
    assert picture_index(kinds) == place


def test_a_truncated_thumbnail_counts_as_missing(folder: Path) -> None:
    with ThumbnailStore(str(folder), read_marker(str(folder))) as store:
        store.write_thumbnail(SHA, 320, jpeg(32, 24))
        whole = store.read_thumbnail(SHA, 320)
        next(folder.glob(".thumbnails/ab/*-320.jpg")).write_bytes(jpeg(32, 24)[:200])
        assert whole == jpeg(32, 24)
        assert store.read_thumbnail(SHA, 320) is None
        assert store.read_thumbnail(SHA, 800) is None


def test_nothing_is_written_below_a_root_that_is_not_mounted(folder: Path) -> None:
    with pytest.raises(RootMissing):
        ThumbnailStore(str(folder), "another")
    assert not (folder / ".thumbnails").exists()


def job(folder: Path, content: bytes, **fields: Any) -> ThumbnailJob:
    (folder / "a.jpg").write_bytes(content)
    values = {"path": "a.jpg", "kind": "jpeg", "sha256": SHA, "bytes": len(content)}
    return ThumbnailJob(root=str(read_marker(str(folder))), root_path=str(folder), **values | fields)  # type: ignore[typeddict-item]


def test_a_file_is_rendered_once_in_all_sizes(folder: Path) -> None:
    results = [render_file(job(folder, jpeg(2500, 2000))), render_file(job(folder, jpeg(2500, 2000)))]
    assert results == ["rendered", "already there"]
    names = sorted(path.name for path in (folder / ".thumbnails" / "ab").iterdir())
    assert names == sorted(f"{SHA}-{size}.jpg" for size in SIZES)


def test_the_reason_is_stored_when_a_file_cannot_be_rendered(folder: Path) -> None:
    result = render_file(job(folder, b"no picture"))
    with ThumbnailStore(str(folder)) as store:
        assert (result, store.read_failure(SHA)) == ("The file is not a picture of the kind 'jpeg'.",) * 2


@pytest.mark.parametrize("fields", [{"bytes": 5}, {"path": "gone.jpg"}, {"path": "link.jpg"}])
def test_a_file_other_than_the_stored_one_is_not_rendered(folder: Path, fields: dict[str, Any]) -> None:
    (folder / "link.jpg").symlink_to(folder / "a.jpg")
    with pytest.raises(OSError, match=r"the stored size|No such file|Too many levels"):
        render_file(job(folder, jpeg(40, 30), **fields))
    assert not list(folder.glob(".thumbnails/*/*"))
