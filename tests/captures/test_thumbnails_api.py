"""`captures/{id}/thumbnail/`: what is there, what its host has yet to draw, what cannot be drawn."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from PIL import Image

from cameras import broker
from captures import studio as studios
from captures import thumbnails as served
from captures.models import CaptureFile
from captures.stills.thumbnails import ThumbnailStore
from captures.studio import Studio, order_of
from captures.tasks import draw
from tests.access.audiences import only_for
from tests.api.builders import UNKNOWN, until
from tests.captures.pictures import jpeg

Make = Callable[..., CaptureFile]


def url(file: CaptureFile) -> str:
    return f"/api/v1/captures/{file.capture_id}/thumbnail/"


@pytest.fixture
def drawn(picture: Make) -> CaptureFile:
    """A file whose thumbnails are there."""
    file = picture(jpeg(1000, 800))
    studios.drawn([order_of(file)])
    return file


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(served, "WAIT_S", 0.1)


@pytest.mark.parametrize(("size", "wide"), [("", 320), ("?size=800", 800), ("?size=2048", 1000)])
def test_a_thumbnail_has_the_size_that_was_asked_for(viewer: Any, drawn: CaptureFile, size: str, wide: int) -> None:
    answer = viewer.get(url(drawn) + size)
    assert (answer.status_code, answer["Content-Type"]) == (200, "image/jpeg")
    assert Image.open(io.BytesIO(answer.content)).width == wide


def test_a_thumbnail_is_kept_for_good_and_not_sent_twice(viewer: Any, drawn: CaptureFile) -> None:
    answer = viewer.get(url(drawn))
    again = viewer.get(url(drawn), headers={"if-none-match": answer["ETag"]})
    assert (answer["ETag"], answer["Cache-Control"]) == (
        f'"{drawn.sha256}-320"', "private, no-cache",
    )  # fmt: skip
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("size", ["0", "321", "x", "-1", "1e9", ["320", "800"]])
def test_another_size_is_refused(viewer: Any, drawn: CaptureFile, size: Any) -> None:
    answer = viewer.get(url(drawn), {"size": size})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "size")


def test_strangers_and_those_without_a_role_see_none(anonymous: Any, stranger: Any, drawn: CaptureFile) -> None:
    assert (anonymous.get(url(drawn)).status_code, stranger.get(url(drawn)).status_code) == (401, 403)


def test_a_hidden_camera_has_no_thumbnails(viewer: Any, manager: Any, drawn: CaptureFile) -> None:
    only_for(drawn.capture.camera)
    assert (viewer.get(url(drawn)).status_code, manager.get(url(drawn)).status_code) == (404, 200)


def test_a_capture_without_a_picture_has_no_thumbnail(viewer: Any, picture: Make) -> None:
    file = picture(b"SIMPLE  =", kind="fits")
    body = viewer.get(f"/api/v1/captures/{file.capture_id}/").json()
    assert (body["thumbnail"], viewer.get(url(file)).status_code) == (None, 404)
    assert viewer.get(f"/api/v1/captures/{UNKNOWN}/thumbnail/").status_code == 404


def test_a_capture_names_its_thumbnail(viewer: Any, drawn: CaptureFile) -> None:
    assert viewer.get(f"/api/v1/captures/{drawn.capture_id}/").json()["thumbnail"] == url(drawn)


def test_what_is_not_drawn_yet_is_asked_for_once_and_comes_later(
    viewer: Any, picture: Make, valkey: Any, impatient: None
) -> None:
    file = picture(jpeg(400, 300))
    answers = [viewer.get(url(file)), viewer.get(url(file))]
    assert [(answer.status_code, answer["Retry-After"]) for answer in answers] == [(503, "2")] * 2
    assert answers[0].json()["type"] == "/problems/not-ready"
    assert valkey.llen(broker.key(f"files.{settings.STATION.host}")) == 1


def test_without_a_broker_what_is_there_is_shown_and_the_rest_is_503(
    viewer: Any, drawn: CaptureFile, picture: Make
) -> None:
    answer = viewer.get(url(picture(jpeg(400, 300))))
    assert (answer.status_code, answer.json()["type"]) == (503, "/problems/broker-down")
    assert viewer.get(url(drawn)).status_code == 200


@pytest.mark.django_db(transaction=True)
def test_a_worker_of_the_files_host_draws_what_is_looked_at(
    viewer: Any, picture: Make, files_worker: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(served, "WAIT_S", 30.0)
    assert Image.open(io.BytesIO(viewer.get(url(picture(jpeg(400, 300)))).content)).size == (320, 240)


def test_the_task_of_a_file_whose_row_has_gone_does_nothing(db: None) -> None:
    draw(987654321)


def test_a_file_that_cannot_be_drawn_says_why(viewer: Any, picture: Make) -> None:
    file = picture(b"no picture")
    studios.drawn([order_of(file)])
    answer = viewer.get(url(file))
    assert (answer.status_code, answer.json()["detail"]) == (404, "It is not the picture that its name says.")


def test_a_file_that_is_gone_or_elsewhere_is_told_as_such(viewer: Any, picture: Make) -> None:
    gone, elsewhere = picture(jpeg(40, 30)), picture(jpeg(50, 30), host="mountain")
    Path(gone.root.path, gone.path).unlink()
    answers = [viewer.get(url(gone)), viewer.get(url(elsewhere))]
    assert [(answer.status_code, answer.json().get("host")) for answer in answers] == [(404, None), (409, "mountain")]


@pytest.fixture
def crashing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A decoder that has no time: it is killed in the middle of a large picture."""
    monkeypatch.setattr(studios, "PATIENCE_S", 0.05)


def test_a_picture_that_ends_the_decoder_is_not_tried_again(picture: Make, crashing: None) -> None:
    file = picture(jpeg(3000, 2000))
    Studio().ask(order_of(file))
    with ThumbnailStore(file.root.path) as store:
        until(lambda: store.refusal(file.sha256))
        assert store.refusal(file.sha256) == "The decoder took more than 0.05 s."


def test_the_oldest_order_gives_way_when_too_many_wait(picture: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(studios, "MOST_WAITING", 2)
    monkeypatch.setattr(Studio, "_run", lambda _: None)
    crowded = Studio()
    orders = [order_of(picture(bytes([number]))) for number in range(3)]
    [crowded.ask(order) for order in orders]
    assert (list(crowded._waiting), crowded.dropped) == ([order["sha256"] for order in orders[1:]], 1)
