"""The time-line of a camera: segments, gaps and losses, for any number of clips."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
import uuid6
from hypothesis import given
from hypothesis import strategies as st

from cameras.models import Camera
from captures.models import Clip, StorageRoot
from captures.recordings.clips import timeline as lines
from captures.recordings.clips.timeline import Segment, Span, gaps_between, merged, timeline
from tests.harness.rows.clips import STARTED, row_of
from tests.harness.runs.examples import examples

ADDRESS = "/api/v1/clips/timeline/"
SECOND = timedelta(seconds=1)
LATER = datetime(2030, 1, 1, tzinfo=UTC)
PIECES = st.lists(st.tuples(st.integers(0, 500), st.integers(0, 60)), max_size=30)


def segments(pieces: list[tuple[int, int]]) -> list[Segment]:
    return [
        Segment(STARTED + at * SECOND, STARTED + (at + length) * SECOND, uuid6.uuid7()) for at, length in pieces
    ]  # fmt: skip


@given(PIECES, st.integers(1, 40))
def test_merged_segments_cover_all_video_and_lie_a_step_apart(pieces: list[tuple[int, int]], step_s: int) -> None:
    originals, step = segments(pieces), step_s * SECOND
    found = merged(originals, step)
    assert all(any(one.begin <= given.begin and given.end <= one.end for one in found) for given in originals)
    assert all(after.begin - before.end >= step for before, after in pairwise(found))
    assert {one.clip for one in found} <= {one.clip for one in originals}


@given(PIECES, st.integers(1, 40))
def test_merging_twice_changes_nothing(pieces: list[tuple[int, int]], step_s: int) -> None:
    once = merged(segments(pieces), step_s * SECOND)
    assert merged(once, step_s * SECOND) == once


@given(PIECES, st.integers(1, 40))
def test_video_and_gaps_fill_the_time_up_to_less_than_a_step_at_its_ends(
    pieces: list[tuple[int, int]], step_s: int
) -> None:
    step, begin, end = step_s * SECOND, STARTED, STARTED + 600 * SECOND
    video = merged(segments(pieces), step)
    gaps = list(gaps_between(video, begin, end, step))
    covered = sum((one.end - one.begin for one in video), timedelta()) + sum((b - a for a, b in gaps), timedelta())
    assert end - begin - 2 * step < covered <= end - begin
    assert all(b - a >= step for a, b in gaps)


def make_clips(camera: Camera, root: StorageRoot, pieces: list[tuple[float, float]], **fields: Any) -> list[Clip]:
    """Clips with these ends in seconds."""
    rows = [row_of(camera, root, STARTED + a * SECOND, b - a, **fields) for a, b in pieces]
    return Clip.objects.bulk_create(rows)


def get_timeline(client: Any, begin: int, end: int, **more: Any) -> Any:
    ends = {"from": stamp(begin), "to": stamp(end)}
    return client.get(ADDRESS, {"camera": "sky", **ends, **more}).json()


def stamp(seconds: int) -> str:
    return (STARTED + seconds * SECOND).isoformat().replace("+00:00", "Z")


def seconds(body: Any, name: str) -> list[tuple[float, float]]:
    ends = [(datetime.fromisoformat(one["from"]), datetime.fromisoformat(one["to"])) for one in body[name]]
    return [((a - STARTED).total_seconds(), (b - STARTED).total_seconds()) for a, b in ends]


def test_neighbours_are_merged_and_gaps_are_kept(viewer: Any, camera: Camera, root: StorageRoot) -> None:
    clips = make_clips(camera, root, [(-5, 10), (10, 20), (20.5, 30), (50, 60), (95, 120)])
    body = get_timeline(viewer, 0, 100, step=1)
    assert seconds(body, "video") == [(0, 30), (50, 60), (95, 100)]
    assert [one["clip"] for one in body["video"]] == [str(clips[place].pk) for place in (0, 3, 4)]
    assert seconds(body, "gaps") == [(30, 50), (60, 95)]
    assert body["lost"] == []


def test_a_gap_below_a_step_is_a_break(viewer: Any, camera: Camera, root: StorageRoot) -> None:
    make_clips(camera, root, [(0, 40), (46, 60), (60.5, 100)])
    body = get_timeline(viewer, 0, 100, step=20)
    assert seconds(body, "video") == [(0, 100)]
    assert seconds(body, "gaps") == []
    assert seconds(body, "breaks") == [(40, 46)]


def test_losses_are_listed_by_clip(viewer: Any, camera: Camera, root: StorageRoot) -> None:
    make_clips(camera, root, [(10, 20)], lost_frames=3)
    make_clips(camera, root, [(20, 30)])
    make_clips(camera, root, [(30, 33)], interrupted=True, lost_frames=None)
    lost = get_timeline(viewer, 0, 100)["lost"]
    assert [(one["lost_frames"], one["interrupted"]) for one in lost] == [(3, False), (None, True)]


def test_a_clip_being_deleted_is_a_gap(viewer: Any, camera: Camera, root: StorageRoot) -> None:
    make_clips(camera, root, [(10, 20)], deleted_at=STARTED)
    assert seconds(get_timeline(viewer, 0, 100, step=1), "gaps") == [(0, 100)]


def test_a_clip_that_may_still_be_recorded_is_not_a_gap(viewer: Any, camera: Camera) -> None:
    now = datetime.now(UTC)
    ends = {"from": (now - timedelta(seconds=60)).isoformat(), "to": (now + timedelta(seconds=60)).isoformat()}
    idle = viewer.get(ADDRESS, {"camera": "sky", **ends}).json()
    Camera.objects.update(recording="rolling")
    recording = viewer.get(ADDRESS, {"camera": "sky", **ends}).json()
    assert len(idle["gaps"]) == 1
    assert recording["gaps"] == []


PATTERNS = st.lists(st.tuples(st.integers(0, 30), st.integers(1, 30), st.booleans()), min_size=1, max_size=25)


def lay_out_pattern(pattern: list[tuple[int, int, bool]]) -> list[tuple[int, int, bool]]:
    """Begin, end and losses of successive clips with pauses."""
    found, at = [], 0
    for pause, length, lossy in pattern:
        found.append((at + pause, at + pause + length, lossy))
        at += pause + length
    return found


def test_many_clips_give_the_same_time_line_as_few(
    camera: Camera, root: StorageRoot, monkeypatch: pytest.MonkeyPatch
) -> None:
    @examples(40)
    @given(PATTERNS, st.integers(1, 50))
    def check_pattern(pattern: list[tuple[int, int, bool]], step_s: int) -> None:
        Clip.objects.all().delete()
        Clip.objects.bulk_create(
            row_of(camera, root, STARTED + a * SECOND, b - a, lost_frames=lossy)
            for a, b, lossy in lay_out_pattern(pattern)
        )
        span = Span(STARTED + 7 * SECOND, STARTED + 400 * SECOND, step_s * SECOND)
        few, many = few_and_many(camera, span, monkeypatch)
        assert many.video == few.video
        assert many.gaps == few.gaps
        assert set(many.lost) <= set(few.lost)
        assert bool(many.lost) == bool(few.lost)

    check_pattern()


def few_and_many(camera: Camera, span: Span, monkeypatch: pytest.MonkeyPatch) -> Any:
    with monkeypatch.context() as patched:
        few = timeline([camera.pk], span, LATER)
        patched.setattr(lines, "MAX_SINGLE", 1)
        return few, timeline([camera.pk], span, LATER)


def test_the_size_of_a_time_line_is_bounded(
    viewer: Any, camera: Camera, root: StorageRoot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines, "MAX_SINGLE", 100)
    make_clips(camera, root, [(number * 2, number * 2 + 1) for number in range(500)], lost_frames=1)
    body = get_timeline(viewer, 0, 1000, step=100)
    assert len(body["video"]) == 1
    assert len(body["lost"]) == 10


BAD = [
    {}, {"camera": "sky"}, {"camera": "none"}, {"from": "2026-03-28T13:00:00Z"}, {"step": 0}, {"step": "nan"},
    {"step": 0.0001}, {"step": 0.0000001}, {"from": "2026-03-28"}, {"pinned": True},
]  # fmt: skip


@pytest.mark.parametrize("wrong", BAD)
def test_missing_or_wrong_parameters_are_refused(wrong: dict[str, Any], viewer: Any, camera: Camera) -> None:
    right = {"camera": "sky", "from": "2026-03-28T12:00:00Z", "to": "2026-03-28T12:30:00Z"}
    given_query = {**right, **wrong} if wrong and wrong != {"camera": "sky"} else wrong
    assert viewer.get(ADDRESS, given_query).status_code == 400


def test_the_rows_are_found_by_indexes(camera: Camera, root: StorageRoot) -> None:
    from django.db import connection

    make_clips(camera, root, [(0, 1)])
    with connection.cursor() as cursor:
        condition = f"camera_id = %s AND started_at >= %s AND deleted_at IS NULL {lines.LOSS}"
        sql = f"EXPLAIN QUERY PLAN SELECT id FROM captures_clip WHERE {condition} ORDER BY started_at, id LIMIT 1"
        cursor.execute(sql, [*lines.to_db("camera", [camera.pk]), *lines.to_db("started_at", [STARTED])])
        plan = " ".join(str(row[3]) for row in cursor.fetchall())
    assert "clip_camera_lost" in plan
