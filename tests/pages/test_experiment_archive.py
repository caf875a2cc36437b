"""The panel Archive of an experiment's page."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from cameras.models import Camera
from captures.models import Archive, ArchiveFile, ArchiveFolder, Experiment, StorageRoot
from captures.roots.roots import assign_root
from core.jobs.models import Job
from tests.harness.clients.pages import MARKUP, text_of
from tests.harness.rows.audiences import only_for
from tests.harness.rows.experiments import clip_in, running
from tests.harness.rows.offsite_rows import copy_row, folder_destination_row

SCRIPT = {"HX-Request": "true"}


@pytest.fixture
def run(camera: Camera, root: StorageRoot) -> Experiment:
    """Completed, with a clip."""
    assign_root(root, "captures")
    found = running(camera)
    clip_in(found, camera, root, 0, 3600)
    Experiment.objects.update(state="completed", settled=True, ended_at=timezone.now())
    return found


@pytest.fixture
def archive(run: Experiment, camera: Camera, root: StorageRoot) -> Archive:
    made = Archive.objects.create(experiment=run, folder="experiments/x", wait_until=timezone.now(), state="copying")
    folder = ArchiveFolder.objects.create(archive=made, host="main", root=root)
    for number, state in enumerate(("copied", "planned")):
        ArchiveFile.objects.create(
            folder=folder, camera=camera, path=f"sky/{number}", at=timezone.now(), bytes=1000, sha256="0", state=state
        )
    return made


def panel(client: Any, run: Experiment) -> str:
    text = text_of(client.get(f"/experiments/{run.pk}/"))
    return text.partition('id="experiment-archive"')[2].partition("</section>")[0]


def test_a_run_without_an_archive_offers_one_to_operators(operator: Any, viewer: Any, run: Experiment) -> None:
    assert "Not archived." in panel(viewer, run)
    assert "<button" not in panel(viewer, run)
    assert "Archive</span>" in panel(operator, run)


def test_an_operator_archives_a_run(operator: Any, run: Experiment) -> None:
    answer = operator.post(f"/experiments/{run.pk}/archive/", headers=SCRIPT)
    assert "is being archived" in text_of(answer)
    found = Archive.objects.get()
    assert (found.state, found.requested_by) == ("waiting", "a-operator")


def test_the_copies_are_counted_while_they_are_made(viewer: Any, run: Experiment, archive: Archive) -> None:
    shown = panel(viewer, run)
    assert "1 of 2 copied" in shown
    assert "Copying" in shown
    assert f"/experiments/{run.pk}/now/" in text_of(viewer.get(f"/experiments/{run.pk}/"))


def test_what_is_missing_is_shown(viewer: Any, run: Experiment, archive: Archive) -> None:
    Archive.objects.update(state="incomplete", missing=[f"a.mp4: {MARKUP} is missing."])
    shown = panel(viewer, run)
    assert "a.mp4" in shown
    assert MARKUP not in shown


def steps(client: Any, run: Experiment) -> str:
    text = text_of(client.get(f"/experiments/{run.pk}/"))
    return text.partition('id="experiment-steps"')[2].partition("</section>")[0]


def test_an_archive_that_was_damaged_since_is_not_said_to_be_proven(
    viewer: Any, run: Experiment, archive: Archive
) -> None:
    Experiment.objects.update(state="archived")
    Archive.objects.update(state="complete", completed_at=timezone.now())
    ArchiveFile.objects.update(state="copied")
    assert "all files proven" in steps(viewer, run)
    ArchiveFile.objects.filter(path="sky/1").update(state="damaged")
    assert "all files proven" not in steps(viewer, run)
    assert "its archive is faulty now" in steps(viewer, run)


def test_only_managers_see_folders_of_machines(
    viewer: Any, manager: Any, run: Experiment, archive: Archive, root: StorageRoot
) -> None:
    assert root.path in panel(manager, run)
    assert root.path not in panel(viewer, run)


def test_an_archive_is_verified_on_request(operator: Any, run: Experiment, archive: Archive) -> None:
    Archive.objects.update(state="complete")
    assert "Verify</span>" in panel(operator, run)
    answer = operator.post(f"/experiments/{run.pk}/verify/", headers=SCRIPT)
    assert "is being verified" in text_of(answer)
    assert Job.objects.get().kind == "verify_archive"


@pytest.fixture
def found(archive: Archive) -> Archive:
    """Its last verification mended a file and found a strange one; the off-site copy of the first is dead."""
    file = archive.folders.get().files.get(path="sky/0")
    mended = {"path": "sky/0", "what": "mended", "message": "It is missing. It was mended from a whole copy."}
    extra = {"path": "notes.txt", "what": "extra", "message": "Not in the manifest."}
    Job.objects.create(
        kind="verify_archive", host="main", subject=str(archive.pk), unique_key=str(archive.pk), state="done",
        ended_at=timezone.now(),
        result={"missing": 0, "changed": 0, "extra": 1, "mended": 1, "results": [mended, extra]},
    )  # fmt: skip
    copy_row(folder_destination_row(), table="archives", uuid=file.pk, error="The checksum was wrong.")
    return archive


def test_what_was_mended_extra_or_is_dead_is_said_on_every_surface(
    viewer: Any, run: Experiment, found: Archive
) -> None:
    expected = {"extra": 1, "mended": 1, "dead": 1}
    [folder] = viewer.get(f"/api/v1/archives/{found.pk}/").json()["folders"]
    assert folder["found"] == expected
    assert [one["what"] for one in folder["findings"]] == ["dead", "mended", "extra"]
    assert "skycam offsite retry second disk" in folder["findings"][0]["message"]
    for count in ("1 mended", "1 extra", "1 dead"):
        assert count in panel(viewer, run)
        assert count in text_of(viewer.get(f"/archives/{found.pk}/")).replace("\n", " ")


def test_who_does_not_see_all_cameras_gets_no_findings(viewer: Any, found: Archive, camera: Camera) -> None:
    other = Camera.objects.create(slug="b", name="B", kind="simulated", host=camera.host)
    found.experiment.places.create(camera=other, position=2)
    only_for(other)
    [folder] = viewer.get(f"/api/v1/archives/{found.pk}/").json()["folders"]
    assert (folder["found"], folder["findings"]) == ({}, [])


def test_a_faulty_archive_says_so(viewer: Any, run: Experiment, archive: Archive) -> None:
    Archive.objects.update(state="complete", verified_at=timezone.now(), verification="faulty")
    ArchiveFile.objects.update(state="damaged")
    shown = panel(viewer, run)
    assert "files are missing or damaged" in shown
    assert "Complete<" not in shown


def test_a_user_who_does_not_see_all_cameras_cannot_archive(operator: Any, run: Experiment, camera: Camera) -> None:
    other = Camera.objects.create(slug="b", name="B", kind="simulated", host=camera.host)
    run.places.create(camera=other, position=2)
    only_for(other)
    assert operator.post(f"/experiments/{run.pk}/archive/", headers=SCRIPT).status_code == 403
    assert not Archive.objects.exists()
