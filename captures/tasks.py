"""Celery's part in thumbnails and posters: hand the file to this host's studio and return."""

from __future__ import annotations

from celery import shared_task

from captures.models import CaptureFile, Clip
from captures.studio import order_of, studio


@shared_task(name="captures.draw", ignore_result=True)
def draw(file: int | str) -> None:
    """The row may have gone meanwhile; twice is once."""
    found = CaptureFile.objects.select_related("root").filter(pk=file).first()
    if found is not None:
        studio().ask(order_of(found))


@shared_task(name="captures.draw_clip", ignore_result=True)
def draw_clip(clip: str) -> None:
    found = Clip.objects.present().select_related("root").filter(pk=clip).first()
    if found is not None:
        studio().ask(order_of(found))
