"""The list of archives, as programs read it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils import timezone

if TYPE_CHECKING:
    from captures.models import Archive


def ids(viewer: Any, filters: str) -> list[str]:
    return [one["id"] for one in viewer.get(f"/api/v1/archives/?{filters}").json()["results"]]


def test_the_archive_of_an_experiment_is_found(viewer: Any, archive: Archive, camera: Any) -> None:
    from captures.models import Archive as Archives
    from captures.models import Experiment, ExperimentCamera

    other = Experiment.objects.create(
        name="Frost", operator="ada", state="running", still_interval_s=60, started_at=timezone.now()
    )
    ExperimentCamera.objects.create(experiment=other, camera=camera, position=1)
    frost = Archives.objects.create(experiment=other, folder="experiments/frost", wait_until=timezone.now())
    assert ids(viewer, f"experiment={archive.experiment_id}") == [str(archive.pk)]
    assert ids(viewer, "") == [str(frost.pk), str(archive.pk)]


def test_an_experiment_that_is_no_id_is_refused(viewer: Any) -> None:
    answer = viewer.get("/api/v1/archives/?experiment=dew")
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == "experiment"
