"""The faststart header of a clip: every frame is found at its time, and no byte of the file changes."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cameras.drivers.simulated.codec import read_frame_number
from cameras.models import Camera
from captures.files import thumbnail_queue
from captures.files import thumbnails as waiting
from captures.files.thumbnail_queue import job_for
from captures.models import Clip, StorageRoot
from captures.mp4 import MAX_SAMPLES, UnsupportedMp4, box, faststart_header
from captures.thumbnails.store import ThumbnailStore
from tests.harness.clients.responses import content as sent
from tests.harness.rows.clips import clip_of, content, cut_off
from tests.harness.runs.examples import examples
from tests.harness.waiting import PATIENCE_S

FILM = content()


@pytest.fixture
def head(tmp_path: Path) -> Callable[[bytes], bytes]:
    def made(film: bytes) -> bytes:
        file = tmp_path / "clip.mp4"
        file.write_bytes(film)
        with file.open("rb") as opened:
            return faststart_header(opened.fileno(), len(film))

    return made


def shown(film: bytes) -> list[tuple[int | None, float]]:
    """Number and time in tenths of a second of each frame."""
    with av.open(io.BytesIO(film), format="mp4") as clip:
        return [
            (read_frame_number(frame.to_ndarray(format="rgb24")), float(frame.time or 0) * 10)
            for frame in clip.decode(video=0)
        ]


def test_every_frame_is_found_at_its_time(head: Callable[[bytes], bytes]) -> None:
    assert shown(head(FILM) + FILM) == [(number, pytest.approx(number)) for number in range(40)]


def test_the_length_is_known_from_the_header_alone(head: Callable[[bytes], bytes]) -> None:
    with av.open(io.BytesIO(head(FILM) + FILM), format="mp4") as clip:
        stream = clip.streams.video[0]
        assert stream.frames == 40
        assert float(stream.duration * stream.time_base) == pytest.approx(4.0, abs=0.11)


def test_a_seek_finds_the_key_frame_before_a_moment(head: Callable[[bytes], bytes]) -> None:
    with av.open(io.BytesIO(head(FILM) + FILM), format="mp4") as clip:
        clip.seek(3_500_000)
        frame = next(clip.decode(video=0))
        assert read_frame_number(frame.to_ndarray(format="rgb24")) == 20


@pytest.mark.parametrize("share", [0.3, 0.55, 0.99])
def test_every_complete_frame_of_a_clip_that_was_cut_off_is_found(share: float, head: Callable[[bytes], bytes]) -> None:
    film = cut_off(FILM, share)
    found = shown(head(film) + film)
    assert found == [(number, pytest.approx(number)) for number in range(len(found))]
    assert len(found) == film.count(b"moof") - 1


@pytest.mark.parametrize("film", [b"", b"x", b"no movie at all" * 9, FILM[:600], FILM[:40] + FILM[600:]])
def test_a_file_that_is_not_a_clip_is_refused(film: bytes, head: Callable[[bytes], bytes]) -> None:
    with pytest.raises(UnsupportedMp4):
        head(film)


def fragment(time: int, count: int) -> bytes:
    """Key frames of one byte, whose durations and composition offsets change with each frame."""
    frames = b"".join(struct.pack(">IIIi", 1 + number % 2, 1, 0, number % 2) for number in range(count))
    before = box(b"tfhd", struct.pack(">II", 0, 1)) + box(b"tfdt", struct.pack(">II", 0, time))
    # The run begins behind the `mdat` header: 8 bytes of each box around it, and 20 of its own head.
    offset = 8 + 8 + len(before) + 20 + len(frames) + 8
    run = box(b"trun", struct.pack(">IIi", 0xF01, count, offset), frames)
    return box(b"moof", box(b"traf", before, run)) + box(b"mdat", b"x" * count)


def test_the_largest_header_is_stored_whole(head: Callable[[bytes], bytes], tmp_path: Path) -> None:
    count = MAX_SAMPLES // 7
    film = FILM[: FILM.index(b"moof") - 4] + b"".join(fragment(2 * count * number, count) for number in range(7))
    made = head(film)
    with ThumbnailStore(str(tmp_path)) as store:
        store.write_head("ab" * 32, made)
        assert store.read_head("ab" * 32) == made


@examples(150)
@given(st.lists(st.tuples(st.integers(0, len(FILM) - 1), st.binary(min_size=1, max_size=9)), min_size=1, max_size=6))
def test_a_damaged_clip_gets_a_header_or_is_refused(head: Any, damages: list[tuple[int, bytes]]) -> None:
    film = bytearray(FILM)
    for at, written in damages:
        film[at : at + len(written)] = written
    outcome = refused_or_head(head, bytes(film[: len(FILM)]))
    assert outcome is None or outcome.startswith(b"\0\0\0\x20ftyp")


def refused_or_head(head: Any, film: bytes) -> bytes | None:
    try:
        return bytes(head(film))
    except UnsupportedMp4:
        return None


@pytest.fixture
def clip(camera: Camera, root: StorageRoot) -> Clip:
    """Render its poster and make its header."""
    clip = clip_of(camera, root)
    thumbnail_queue.run_worker([job_for(clip)])
    return clip


def url(clip: Clip, form: str = "?form=faststart") -> str:
    return f"/api/v1/clips/{clip.pk}/file/{form}"


def test_the_header_is_served_before_the_file_under_its_own_etag(viewer: Any, clip: Clip) -> None:
    answer = viewer.get(url(clip))
    whole = sent(answer)
    assert answer["ETag"] == f'"{clip.sha256}-faststart1"'
    assert answer["Content-Length"] == str(len(whole))
    assert whole.endswith(FILM)
    assert len(shown(whole)) == 40
    assert viewer.get(url(clip), headers={"if-none-match": answer["ETag"]}).status_code == 304


RANGES = st.tuples(st.integers(0, 200_000), st.one_of(st.none(), st.integers(0, 200_000)))


@examples(60)
@given(RANGES, st.sampled_from(["", "?form=faststart"]))
@example((0, 0), "?form=faststart")
@example((len(FILM) - 1, None), "")
def test_any_range_is_a_part_of_the_whole(
    viewer: Any, clip: Clip, requested: tuple[int, int | None], form: str
) -> None:
    first, last = requested
    whole = sent(viewer.get(url(clip, form)))
    answer = viewer.get(url(clip, form), headers={"range": f"bytes={first}-{'' if last is None else last}"})
    assert answered(answer) == expected(whole, first, last)


def answered(answer: Any) -> tuple[int, bytes]:
    return answer.status_code, sent(answer) if answer.streaming else b""


def expected(whole: bytes, first: int, last: int | None) -> tuple[int, bytes]:
    if last is not None and last < first:
        return 200, whole
    return (416, b"") if first >= len(whole) else (206, whole[first : None if last is None else last + 1])


def test_a_range_of_the_other_form_gives_the_whole(viewer: Any, clip: Clip) -> None:
    answer = viewer.get(url(clip), headers={"range": "bytes=0-9", "if-range": f'"{clip.sha256}"'})
    assert answer.status_code == 200
    assert sent(answer).endswith(FILM)


def test_a_clip_that_contains_its_index_is_served_unchanged(
    viewer: Any, camera: Camera, root: StorageRoot, tmp_path: Path
) -> None:
    plain = clip_of(camera, root, film=remuxed(tmp_path / "plain.mp4"))
    thumbnail_queue.run_worker([job_for(plain)])
    answer = viewer.get(url(plain))
    assert answer["ETag"] == f'"{plain.sha256}"'
    assert len(shown(sent(answer))) == 40


def remuxed(path: Path) -> bytes:
    """The film as a plain MP4, with its index at the end."""
    with av.open(io.BytesIO(FILM), format="mp4") as source, av.open(str(path), "w", format="mp4") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    return path.read_bytes()


def test_a_header_that_does_not_exist_yet_is_requested_and_served_later(
    viewer: Any, camera: Camera, root: StorageRoot, valkey: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "WAIT_S", 0.1)
    clip = clip_of(camera, root)
    answers = [viewer.get(url(clip)), viewer.get(f"/api/v1/clips/{clip.pk}/poster/")]
    assert [(answer.status_code, answer["Retry-After"]) for answer in answers] == [(503, "2")] * 2
    assert sent(viewer.get(url(clip, ""))) == FILM


@pytest.mark.django_db(transaction=True)
def test_a_worker_of_the_files_host_makes_poster_and_header(
    viewer: Any, camera: Camera, root: StorageRoot, files_worker: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "WAIT_S", PATIENCE_S)
    clip = clip_of(camera, root)
    poster = viewer.get(f"/api/v1/clips/{clip.pk}/poster/")
    assert poster["Content-Type"] == "image/jpeg"
    assert poster.content[:2] == b"\xff\xd8"
    assert sent(viewer.get(url(clip))).endswith(FILM)


def test_a_poster_is_the_first_key_frame_and_is_marked_as_simulated(
    viewer: Any, camera: Camera, root: StorageRoot
) -> None:
    from PIL import ExifTags, Image

    clip = clip_of(camera, root, film=content(10, 7), simulated=True)
    thumbnail_queue.run_worker([job_for(clip)])
    poster = Image.open(io.BytesIO(viewer.get(f"/api/v1/clips/{clip.pk}/poster/").content))
    assert poster.getexif()[ExifTags.Base.ImageDescription] == "SIMULATED picture"
    import numpy as np

    assert read_frame_number(np.asarray(poster)) == 7


def test_a_clip_without_a_picture_says_why_it_has_no_poster(viewer: Any, camera: Camera, root: StorageRoot) -> None:
    clip = clip_of(camera, root, film=b"rubbish" * 100)
    thumbnail_queue.run_worker([job_for(clip)])
    answer = viewer.get(f"/api/v1/clips/{clip.pk}/poster/")
    assert answer.status_code == 404
    assert "cannot be decoded" in answer.json()["detail"]
    assert sent(viewer.get(url(clip))) == b"rubbish" * 100
