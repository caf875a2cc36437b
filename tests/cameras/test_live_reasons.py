"""The sentence of a missing live picture, and where it has the camera's slug."""

from __future__ import annotations

import pytest

from cameras.live.viewer import SENTENCES, no_frame_message
from cameras.status.messages import Status, absent_status


def status_of(slug: str, reason: str) -> Status:
    """A status of which `no_frame_reason` makes this reason."""
    last = "2026-03-01T20:00:00Z" if reason == "stale" else None
    observed = "ready" if reason in {"stale", "never"} else reason
    return absent_status(slug, "connected", "") | Status(observed=observed, last_frame=last)  # type: ignore[typeddict-item]


@pytest.mark.parametrize("slug", ["camera", "last", "is", "a"])
@pytest.mark.parametrize("reason", sorted(SENTENCES.keys() - {"broker"}))
def test_the_sentence_says_where_it_has_the_slug(reason: str, slug: str) -> None:
    found = no_frame_message(slug, status_of(slug, reason))
    ((begin, end),) = found["mentions"]
    assert (found["reason"], found["message"][begin:end]) == (reason, slug)
    template = SENTENCES[reason].format(camera="|", why="", last="2026-03-01T20:00:00Z").strip()
    assert f"{found['message'][:begin]}|{found['message'][end:]}" == template


def test_without_a_broker_no_camera_is_mentioned() -> None:
    assert no_frame_message("broker", None)["mentions"] == []
