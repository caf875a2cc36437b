"""200,000 files: the search for new ones, the backlog and the rule of retention stay quick."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
from django.utils import timezone

from cameras.models import Camera
from captures.models import Clip, Destination, OffsiteCopy, StorageRoot
from captures.offsite import queue
from captures.offsite.selectors import backlog_of
from tests.harness.rows.clips import row_of
from tests.harness.rows.offsite import HOST

pytestmark = [pytest.mark.django_db, pytest.mark.prove]
FILES = 200_000


@pytest.fixture
def queued(folder_copies: Destination, camera: Camera, root: StorageRoot) -> Destination:
    """A destination for which all files are queued."""
    begin = timezone.now() - timedelta(days=400)
    clips = (row_of(camera, root, begin + timedelta(minutes=number)) for number in range(FILES))
    Clip.objects.bulk_create(clips, batch_size=5000)
    while queue.queue_new_files(folder_copies, HOST):
        pass
    while OffsiteCopy.objects.count() < FILES:
        queue.queue_new_files(folder_copies, HOST)
    return folder_copies


def seconds(work: object) -> float:
    began = time.perf_counter()
    assert callable(work)
    work()
    return time.perf_counter() - began


def test_two_hundred_thousand_files_cost_no_query_each(queued: Destination) -> None:
    search = seconds(lambda: queue.queue_new_files(queued, HOST))
    backlog = seconds(lambda: backlog_of(queued))
    claim = seconds(lambda: queue.claim_next(queued, HOST))
    oldest = seconds(lambda: list(Clip.objects.deletable().order_by("started_at", "pk")[:20]))
    OffsiteCopy.objects.update(state="verified", verified_at=timezone.now())
    verified = seconds(lambda: list(Clip.objects.deletable().order_by("started_at", "pk")[:20]))
    print(
        f"search {search:.3f} s, backlog {backlog:.3f}, claim {claim:.3f}, kept {oldest:.3f}, verified {verified:.3f}"
    )
    assert search < 2
    assert backlog < 2
    assert claim < 1
    assert oldest < 5
    assert verified < 1
