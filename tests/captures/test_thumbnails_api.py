"""`captures/{id}/thumbnail/`: existing thumbnails, those that the host has to render, and files that cannot be
rendered."""

from __future__ import annotations

import io
import logging
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from PIL import Image

from captures.files import thumbnail_queue
from captures.files import thumbnails as thumbnail_view
from captures.files.thumbnail_queue import ThumbnailQueue, job_for
from captures.models import CaptureFile
from captures.tasks import render_file
from captures.thumbnails.store import ThumbnailJob, ThumbnailStore
from core.broker.broker import BrokerDown
from core.broker.queues import key_prefix
from tests.harness.rows.audiences import only_for
from tests.harness.rows.captures import UNKNOWN
from tests.harness.rows.pictures import jpeg
from tests.harness.rows.stills import picture as still_pixels
from tests.harness.rows.stills import write_still
from tests.harness.stations.broker import broker_that_hangs_up
from tests.harness.waiting import PATIENCE_S, eventually

Make = Callable[..., CaptureFile]


def url(file: CaptureFile) -> str:
    return f"/api/v1/captures/{file.capture_id}/thumbnail/"


@pytest.fixture
def rendered(picture: Make) -> CaptureFile:
    """A file that has its thumbnails."""
    file = picture(jpeg(1000, 800))
    thumbnail_queue.run_worker([job_for(file)])
    return file


@pytest.fixture
def short_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(thumbnail_view, "WAIT_S", 0.1)


@pytest.mark.parametrize(("size", "wide"), [("", 320), ("?size=800", 800), ("?size=2048", 1000)])
def test_a_thumbnail_has_the_requested_size(viewer: Any, rendered: CaptureFile, size: str, wide: int) -> None:
    answer = viewer.get(url(rendered) + size)
    assert answer.status_code == 200
    assert answer["Content-Type"] == "image/jpeg"
    assert Image.open(io.BytesIO(answer.content)).width == wide


@pytest.mark.parametrize("kind", ["fits", "png", "tiff"])
def test_thumbnails_of_16_bits_are_rendered_from_the_file(
    viewer: Any, picture: Make, tmp_path: Path, kind: str
) -> None:
    file = picture(write_still(tmp_path, kind, still_pixels("colour 16"), "rice").read_bytes(), kind=kind)
    assert thumbnail_queue.run_worker([job_for(file)]) == (["rendered"], "")
    answer = viewer.get(url(file))
    assert Image.open(io.BytesIO(answer.content)).size == (121, 91)


def test_a_browser_revalidates_a_thumbnail_by_its_etag(viewer: Any, rendered: CaptureFile) -> None:
    answer = viewer.get(url(rendered))
    again = viewer.get(url(rendered), headers={"if-none-match": answer["ETag"]})
    assert answer["ETag"] == f'"{rendered.sha256}-320"'
    assert answer["Cache-Control"] == "private, no-cache"
    assert again.status_code == 304
    assert again.content == b""


def test_another_size_is_refused(viewer: Any, rendered: CaptureFile) -> None:
    sizes: list[Any] = ["0", "321", "x", "-1", "1e9", ["320", "800"]]
    answers = {str(size): viewer.get(url(rendered), {"size": size}) for size in sizes}
    refused = [size for size, answer in answers.items() if answer.status_code == 400]
    assert refused == [str(size) for size in sizes]
    assert {answer.json()["errors"][0]["field"] for answer in answers.values()} == {"size"}


def test_strangers_and_users_without_a_role_get_no_thumbnail(
    anonymous: Any, stranger: Any, rendered: CaptureFile
) -> None:
    assert anonymous.get(url(rendered)).status_code == 401
    assert stranger.get(url(rendered)).status_code == 403


def test_a_hidden_camera_has_no_thumbnails(viewer: Any, manager: Any, rendered: CaptureFile) -> None:
    only_for(rendered.capture.camera)
    assert viewer.get(url(rendered)).status_code == 404
    assert manager.get(url(rendered)).status_code == 200


def test_a_capture_without_a_picture_has_no_thumbnail(viewer: Any, picture: Make) -> None:
    file = picture(b"what no one can render", kind="other")
    body = viewer.get(f"/api/v1/captures/{file.capture_id}/").json()
    assert body["thumbnail"] is None
    assert viewer.get(url(file)).status_code == 404
    assert viewer.get(f"/api/v1/captures/{UNKNOWN}/thumbnail/").status_code == 404


def test_a_capture_names_its_thumbnail(viewer: Any, picture: Make) -> None:
    file = picture(jpeg(400, 300))
    assert viewer.get(f"/api/v1/captures/{file.capture_id}/").json()["thumbnail"] == url(file)


def test_a_missing_thumbnail_is_requested_once_and_answered_with_503(
    viewer: Any, picture: Make, valkey: Any, short_wait: None
) -> None:
    file = picture(jpeg(400, 300))
    answers = [viewer.get(url(file)), viewer.get(url(file))]
    assert [(answer.status_code, answer["Retry-After"]) for answer in answers] == [(503, "2")] * 2
    assert answers[0].json()["type"] == "/problems/not-ready"
    assert valkey.llen(f"{key_prefix(settings.STATION.station.id)}files.{settings.STATION.host}") == 1


def test_without_a_broker_existing_thumbnails_are_served_and_missing_ones_are_503(
    viewer: Any, rendered: CaptureFile, picture: Make
) -> None:
    answer = viewer.get(url(picture(jpeg(400, 300))))
    assert answer.status_code == 503
    assert answer.json()["type"] == "/problems/broker-down"
    assert viewer.get(url(rendered)).status_code == 200


@pytest.mark.django_db(transaction=True)
def test_the_worker_of_the_files_host_renders_a_requested_thumbnail(
    viewer: Any, picture: Make, files_worker: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(thumbnail_view, "WAIT_S", PATIENCE_S)
    assert Image.open(io.BytesIO(viewer.get(url(picture(jpeg(400, 300)))).content)).size == (320, 240)


def test_the_task_of_a_file_without_a_row_does_nothing(db: None) -> None:
    render_file(987654321)


def test_the_answer_says_why_a_file_cannot_be_rendered(viewer: Any, picture: Make) -> None:
    file = picture(b"no picture")
    thumbnail_queue.run_worker([job_for(file)])
    answer = viewer.get(url(file))
    assert answer.status_code == 404
    assert answer.json()["detail"] == "The file is not a picture of the kind 'jpeg'."


def test_a_missing_file_is_404_and_one_of_a_host_that_is_away_is_503(viewer: Any, picture: Make) -> None:
    gone, elsewhere = picture(jpeg(40, 30)), picture(jpeg(50, 30), host="mountain")
    Path(gone.root.path, gone.path).unlink()
    answers = [viewer.get(url(gone)), viewer.get(url(elsewhere))]
    assert [(answer.status_code, answer.json().get("host")) for answer in answers] == [(404, None), (503, "mountain")]


def test_a_picture_that_ended_the_decoder_is_not_tried_again(picture: Make) -> None:
    """The decoder runs out of time in a large picture."""
    file = picture(jpeg(3000, 2000))
    ThumbnailQueue(partial(thumbnail_queue.run_worker, timeout_s=0.05)).enqueue(job_for(file))
    with ThumbnailStore(file.root.path) as store:
        eventually(lambda: store.read_failure(file.sha256))
        assert store.read_failure(file.sha256) == "The decoder took more than 0.05 s."


class SlowWorker:
    """Records the batches that it gets; it renders nothing until `may_continue` is set."""

    def __init__(self) -> None:
        self.batches: list[list[ThumbnailJob]] = []
        self.may_continue = threading.Event()

    def __call__(self, batch: list[ThumbnailJob]) -> tuple[list[str], str]:
        self.batches.append(batch)
        assert self.may_continue.wait(PATIENCE_S)
        return [], ""


def test_the_oldest_job_is_dropped_when_the_queue_is_full(picture: Make) -> None:
    worker = SlowWorker()
    crowded = ThumbnailQueue(worker, most=2)
    first, *jobs = [job_for(picture(bytes([number]))) for number in range(4)]
    crowded.enqueue(first)
    eventually(lambda: worker.batches == [[first]])
    [crowded.enqueue(job) for job in jobs]
    worker.may_continue.set()
    eventually(lambda: worker.batches == [[first], [jobs[2], jobs[1]]])
    assert crowded.dropped == 1


def test_a_task_for_a_broker_that_hangs_up_is_tried_once_more_and_given_up(file: CaptureFile) -> None:
    with broker_that_hangs_up(settings.STATION) as connections, pytest.raises(BrokerDown):
        thumbnail_view.send_render_task(file)
    assert len(connections) == 2


@pytest.fixture
def request_log(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    """What Django logs of requests, which goes to no other handler."""
    logger = logging.getLogger("django.request")
    logger.addHandler(caplog.handler)
    yield caplog
    logger.removeHandler(caplog.handler)


IMG = "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8"
"""What browsers accept for a picture of a page."""


def test_a_page_gets_a_grey_picture_for_a_late_thumbnail(
    viewer: Any, picture: Make, valkey: Any, short_wait: None, request_log: pytest.LogCaptureFixture
) -> None:
    file = picture(jpeg(400, 200))
    CaptureFile.objects.filter(pk=file.pk).update(width=400, height=200)
    answer = viewer.get(url(file), HTTP_ACCEPT=IMG)
    assert (answer.status_code, answer["Retry-After"], answer["Cache-Control"]) == (503, "2", "no-store")
    assert answer["Content-Type"] == "image/svg+xml"
    assert b'width="16.00" height="8.00"' in answer.content
    assert request_log.text == ""


def test_a_late_thumbnail_is_no_warning_in_the_log_and_an_absent_broker_is(
    viewer: Any, picture: Make, valkey: Any, short_wait: None, request_log: pytest.LogCaptureFixture
) -> None:
    file = picture(jpeg(400, 300))
    assert viewer.get(f"{url(file)}?size=2048", HTTP_ACCEPT=IMG).json()["type"] == "/problems/not-ready"
    assert viewer.get(url(file)).json()["type"] == "/problems/not-ready"
    assert request_log.text == ""
    assert viewer.get(f"/api/v1/captures/{UNKNOWN}/thumbnail/").status_code == 404
    assert "Not Found" in request_log.text
