"""A host with files of an archive is away for good: the archive waits until its deadline, says what is missing, and is
completed once the host is back."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import override_settings
from django.utils import timezone

from cameras.models import CameraHost
from cameras.spool.storage import make_root
from captures.models import Archive, ArchiveFile, ArchiveFolder, Clip, ClipHold, Experiment, StorageRoot
from captures.roots.roots import assign_root
from captures.storage.archives.services import advance, archive_path, extend_archives
from captures.storage.archives.verification import request_verification
from core.broker import broker
from core.events.models import Alert, Event
from core.jobs.context import JobContext
from core.jobs.models import Job
from core.jobs.tables import kind_of
from core.registry import resolve
from core.station_settings import StationSetting, clear_cache
from tests.harness.rows.archives import request_archive

AWAY = "The host dome is away: 1 file is not copied yet."


@pytest.fixture
def dome(tmp_path: Path, valkey: Any, clips: list[Clip], root: StorageRoot) -> StorageRoot:
    """The root of a host that has been away for an hour. It has the last of the three clips."""
    folder = tmp_path / "dome"
    folder.mkdir()
    made = StorageRoot.objects.create(host="dome", path=str(folder))
    make_root(folder, str(made.pk))
    assign_root(made, "captures")
    clip = clips[2]
    copy = folder / clip.path
    copy.parent.mkdir(parents=True)
    Path(root.path, clip.path).rename(copy)
    Clip.objects.filter(pk=clip.pk).update(host="dome", root=made)
    CameraHost.objects.create(name="dome", leased_until=timezone.now() - timedelta(hours=1))
    return made


def on_host(host: str) -> override_settings:
    return override_settings(STATION=settings.STATION.model_copy(update={"host": host}))


@pytest.fixture
def run_here() -> Any:
    """Runs the waiting job of a kind on one host, in this process."""

    def run_on(host: str, kind: str = "archive") -> None:
        job = Job.objects.get(kind=kind, host=host, state="waiting")
        # Long ago: what the test did before is no sign that the host is there.
        Job.objects.filter(pk=job.pk).update(state="done", ended_at=timezone.now() - timedelta(hours=1))
        found = kind_of(kind)
        assert found
        with on_host(host):
            resolve(found.function)(JobContext(str(job.pk), job.arguments, None, "ada", lambda _: None))

    return run_on


@pytest.fixture
def begun(run: Experiment, dome: StorageRoot, run_here: Any) -> Archive:
    """The files of this host are copied, and the deadline is not over."""
    made = request_archive(run, actor="ada")
    run_here("main")
    return again(made)


@pytest.fixture
def given_up(begun: Archive, run_here: Any) -> Archive:
    return give_up(begun, run_here)


def give_up(archive: Archive, run_here: Any) -> Archive:
    """As some time after the deadline."""
    Archive.objects.update(wait_until=timezone.now())
    advance(again(archive))
    run_here("main")
    return again(archive)


def again(archive: Archive) -> Archive:
    return Archive.objects.select_related("experiment").get(pk=archive.pk)


def manifest_of(archive: Archive) -> dict[str, Any]:
    return dict(json.loads(Path(archive_path(archive), "manifest.json").read_text()))


def alerts() -> list[str]:
    return list(Alert.objects.exclude(state="resolved").values_list("key", flat=True))


def test_an_archive_waits_for_a_host_that_is_away_until_the_deadline(begun: Archive) -> None:
    advance(begun)
    assert (again(begun).state, begun.manifest) == ("copying", "")


def test_after_the_deadline_it_is_incomplete_and_says_which_host_is_away(given_up: Archive, run: Experiment) -> None:
    assert (given_up.state, given_up.missing) == ("incomplete", [AWAY])
    run.refresh_from_db()
    assert run.state == "completed"
    assert alerts() == [f"archive.incomplete:{given_up.pk}"]
    assert AWAY in Alert.objects.get(key=f"archive.incomplete:{given_up.pk}").message
    assert AWAY in Event.objects.get(kind="archive.incomplete").message


def test_the_other_hosts_have_a_manifest_that_states_the_file(given_up: Archive) -> None:
    found = manifest_of(given_up)
    assert found["missing"] == [AWAY]
    assert {file["host"]: file["state"] for file in found["files"]} == {"main": "copied", "dome": "planned"}


def test_a_source_on_a_host_that_is_away_stays_held(given_up: Archive, clips: list[Clip]) -> None:
    assert set(ClipHold.objects.values_list("clip", flat=True)) == {clips[2].pk}


def test_an_incomplete_archive_is_left_alone_while_the_host_is_away(given_up: Archive) -> None:
    extend_archives()
    advance(again(given_up))
    assert (again(given_up).state, again(given_up).revision) == ("incomplete", given_up.revision)


def test_it_is_completed_once_the_host_is_back(given_up: Archive, run: Experiment, run_here: Any) -> None:
    run_here("dome")
    advance(again(given_up))
    run_here("main")
    found = again(given_up)
    run.refresh_from_db()
    assert (found.state, found.missing, run.state) == ("complete", [], "archived")
    assert {file["state"] for file in manifest_of(found)["files"]} == {"copied"}
    assert set(found.folders.values_list("host", "revision")) == {("main", found.revision), ("dome", found.revision)}
    assert alerts() == []
    assert not ClipHold.objects.exists()


def test_it_goes_on_when_the_host_is_back_though_its_job_was_cancelled(given_up: Archive, run_here: Any) -> None:
    Job.objects.update(state="cancelled", ended_at=timezone.now() - timedelta(hours=1), lease_until=None)
    with on_host("dome"):
        extend_archives()
    advance(again(given_up))
    run_here("dome")
    advance(again(given_up))
    run_here("main")
    assert again(given_up).state == "complete"


def test_a_host_that_has_copied_but_has_no_manifest_is_stated(begun: Archive, run_here: Any) -> None:
    ArchiveFile.objects.filter(folder__host="dome").update(state="copied", copied_at=timezone.now())
    found = give_up(begun, run_here)
    found = give_up(found, run_here)
    assert (found.state, found.missing) == (
        "incomplete", ["The host dome is away: it does not have the newest manifest yet."],
    )  # fmt: skip
    run_here("dome")
    advance(again(found))
    run_here("main")
    advance(again(found))
    assert (again(found).state, again(found).missing) == ("complete", [])


def heartbeat() -> None:
    broker.connection().set(broker.key("host", "dome"), "{}")


def lease() -> None:
    CameraHost.objects.update(leased_until=timezone.now() - timedelta(seconds=20))


def running_job() -> None:
    Job.objects.filter(host="dome").update(state="running", lease_until=timezone.now())


@pytest.mark.parametrize("sign", [heartbeat, lease, running_job])
def test_a_host_that_is_there_is_waited_for(sign: Any, begun: Archive) -> None:
    sign()
    Archive.objects.update(wait_until=timezone.now())
    advance(again(begun))
    assert (again(begun).state, again(begun).manifest) == ("copying", "")


def test_a_lease_in_the_future_is_that_of_a_clock_which_was_set_back(begun: Archive, run_here: Any) -> None:
    CameraHost.objects.update(leased_until=timezone.now() + timedelta(days=1))
    assert give_up(begun, run_here).state == "incomplete"


def test_no_host_is_called_away_while_the_broker_is(begun: Archive, valkey: Any) -> None:
    valkey.shutdown(nosave=True)
    Archive.objects.update(wait_until=timezone.now())
    advance(again(begun))
    assert (again(begun).state, again(begun).manifest) == ("copying", "")


def test_a_clip_that_is_added_on_a_host_that_is_away_takes_the_verification_back(
    run: Experiment, dome: StorageRoot, run_here: Any, clip: Any, clips: list[Clip]
) -> None:
    archive = request_archive(run)
    run_here("main")
    run_here("dome")
    run_here("main")
    Archive.objects.update(verification="whole", verified_at=timezone.now())
    assert again(archive).state == "complete"
    late = clip(3)
    Clip.objects.filter(pk=late.pk).update(host="dome", root=dome)
    extend_archives()
    found = give_up(archive, run_here)
    assert (found.state, found.missing, found.verification) == ("incomplete", [AWAY], "")


def test_the_verification_of_the_other_hosts_does_not_make_it_whole(given_up: Archive, run_here: Any) -> None:
    ArchiveFolder.objects.filter(host="dome").update(verified_at=timezone.now())
    request_verification(given_up, user=None)
    run_here("main", "verify_archive")
    assert again(given_up).verification == ""
    assert ArchiveFile.objects.filter(verified_at=None).get().folder.host == "dome"


def test_files_that_are_to_be_gathered_from_a_host_that_is_away_are_stated(
    run: Experiment, dome: StorageRoot, run_here: Any, clips: list[Clip]
) -> None:
    StationSetting.objects.create(key="archive_config.gather_host", value="main")
    clear_cache()
    archive = request_archive(run)
    run_here("dome")
    found = give_up(archive, run_here)
    assert (found.state, found.missing) == ("incomplete", [AWAY])
    assert ArchiveFile.objects.get(state="planned").gathered_from.folder.host == "dome"
    assert ClipHold.objects.filter(clip=clips[2]).exists()
    assert manifest_of(found)["revision"] == found.revision
