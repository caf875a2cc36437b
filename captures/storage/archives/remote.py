"""The captures of an experiment that no archive has: their files stay with the cameras."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from cameras.models import Camera
from captures.capturing.models import CaptureReference
from captures.capturing.references import describe_references
from captures.experiments.models import Experiment, ExperimentCamera
from core.text.plurals import pluralize
from core.text.sentences import Sentence, sentence
from core.times.timestamps import stamp


def _references(experiment: Experiment, places: Iterable[ExperimentCamera]) -> Iterable[CaptureReference]:
    cameras = [place.camera_id for place in places]
    found = CaptureReference.objects.filter(
        capture__experiment=experiment.pk, capture__camera__in=cameras, capture__trashed_at=None
    )
    return found.select_related("capture__camera").order_by("capture__started_at", "capture", "number")


def remote_sentences(experiment: Experiment, places: Iterable[ExperimentCamera]) -> list[str]:
    """One for each of these cameras that keeps files."""
    by_camera: dict[Camera, list[CaptureReference]] = defaultdict(list)
    for one in _references(experiment, places):
        by_camera[one.capture.camera].append(one)
    return [_sentence(camera, by_camera[camera]) for camera in sorted(by_camera, key=lambda camera: camera.slug)]


def _sentence(camera: Camera, references: list[CaptureReference]) -> Sentence:
    captures = len({one.capture_id for one in references})
    return sentence(
        "{captures} of {camera} {are} not archived: remote, {references}.",
        captures=pluralize(captures, "capture"),
        camera=camera,
        are="is" if captures == 1 else "are",
        references=describe_references(references),
    )


def remote_parts(experiment: Experiment, places: Iterable[ExperimentCamera]) -> list[dict[str, Any]]:
    """What the manifest says of them."""
    return [
        {
            "camera": one.capture.camera.slug,
            "id": str(one.capture_id),
            "started": stamp(one.capture.started_at),
            "file_kind": one.kind,
            "place": one.place,
            "bytes": one.bytes,
            "sha256": one.sha256 or None,
        }
        for one in _references(experiment, places)
    ]
