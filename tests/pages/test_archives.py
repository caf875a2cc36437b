"""The list of archives, the page of one, and the page of one of its files."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from cameras.models import Camera
from captures.models import Archive, ArchiveFile, Clip, Experiment, StorageRoot
from captures.pages.archives import pages
from core.events.service import record_event
from core.jobs.models import Job
from tests.harness.clients.pages import MARKUP, text_of
from tests.harness.clients.people import jpeg
from tests.harness.rows.archived_files import archive_of, archived_clip, archived_file, archived_picture
from tests.harness.rows.audiences import only_for
from tests.harness.rows.clips import STARTED, clip_of
from tests.harness.rows.experiments import experiment_of, running

LIST = "/archives/"
HOSTILE = MARKUP + "\N{MICROSCOPE}W" * 130


@pytest.fixture
def run(camera: Camera) -> Experiment:
    return running(camera)


@pytest.fixture
def archive(run: Experiment) -> Archive:
    return archive_of(run)


@pytest.fixture
def clip(camera: Camera, root: StorageRoot) -> Clip:
    return clip_of(camera, root)


@pytest.fixture
def archived(archive: Archive, clip: Clip) -> ArchiveFile:
    return archived_clip(archive, clip)


@pytest.fixture
def picture(archive: Archive, root: StorageRoot, camera: Camera) -> ArchiveFile:
    return archived_picture(archive, root, camera, "a.jpg", jpeg(), STARTED - timedelta(hours=1))


@pytest.fixture
def other(camera: Camera, run: Experiment) -> Camera:
    """A second camera of the experiment, which only managers may see."""
    made = Camera.objects.create(slug="b", name="Secret", kind="simulated", host=camera.host)
    run.places.create(camera=made, position=2)
    return only_for(made)


def of(archive: Archive, query: str = "") -> str:
    return f"{LIST}{archive.pk}/{query}"


def of_file(file: ArchiveFile) -> str:
    return f"{LIST}{file.folder.archive_id}/files/{file.pk}/"


def row(page: str, file: ArchiveFile) -> str:
    return page.partition(f'id="file-{file.pk}"')[2].partition("</tr>")[0]


def test_an_empty_list_says_what_fills_it(viewer: Any) -> None:
    page = text_of(viewer.get(LIST))
    assert "No archives yet." in page
    assert 'href="/experiments/"' in page


def test_the_list_shows_state_files_size_and_verification(viewer: Any, archived: ArchiveFile) -> None:
    page = text_of(viewer.get(LIST))
    assert f'href="{of(archived.folder.archive)}">Dew</a>' in page
    assert "Complete</span>" in page
    assert '<td class="num" data-label="Files">1</td>' in page
    assert "when it was copied" in page
    assert "nothing</span>" in page


def test_the_list_counts_what_is_missing(viewer: Any, archived: ArchiveFile, picture: ArchiveFile) -> None:
    ArchiveFile.objects.filter(pk=picture.pk).update(state="damaged")
    Archive.objects.update(verification="faulty", verified_at=timezone.now())
    page = text_of(viewer.get(LIST))
    assert "1 of 2" in page
    assert "1 file</span>" in page
    assert ": faulty</span>" in page
    assert "Faulty</span>" in page
    assert "#seal" not in page.partition("<tbody>")[2].partition("</tbody>")[0]


def test_the_list_says_what_is_missing_besides_files(viewer: Any, archive: Archive) -> None:
    Archive.objects.update(state="incomplete", missing=["sky: the last clips have not been saved yet."])
    assert "the last clips have not been saved yet." in text_of(viewer.get(LIST))


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("state=complete", True),
        ("state=incomplete", False),
        ("state=nonsense", True),
        ("verification=never", True),
        ("verification=faulty", False),
        ("search=dEw", True),
        ("search=frost", False),
        ("search=%00", True),
        ("before=nonsense", True),
    ],
)
def test_the_list_is_filtered_by_its_address(query: str, shown: bool, viewer: Any, archive: Archive) -> None:
    page = text_of(viewer.get(f"{LIST}?{query}"))
    assert (of(archive) in page) is shown
    assert ("No archives match these filters." in page) is not shown


def test_the_list_has_pages(viewer: Any, archive: Archive, camera: Camera, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "ROWS", 1)
    newer = archive_of(experiment_of(camera, name="Frost"))
    page = text_of(viewer.get(f"{LIST}?state=complete"))
    assert of(newer) in page
    assert of(archive) not in page
    older = page.partition('href="?state=complete&amp;before=')[2].partition('"')[0]
    assert of(archive) in text_of(viewer.get(f"{LIST}?state=complete&before={older}"))


def test_the_list_asks_the_database_as_often_for_many(
    viewer: Any, archive: Archive, camera: Camera, django_assert_max_num_queries: Any
) -> None:
    for number in range(20):
        archive_of(experiment_of(camera, name=f"{number}"))
    with django_assert_max_num_queries(25):
        viewer.get(LIST)


def test_a_file_is_shown_with_its_frames_size_and_hash(viewer: Any, archived: ArchiveFile) -> None:
    shown = row(text_of(viewer.get(of(archived.folder.archive))), archived)
    assert f'title="{archived.sha256}"' in shown
    assert f"{archived.sha256[:12]}…" in shown
    assert 'data-label="Frames">40</td>' in shown
    assert "Whole" in shown
    assert f'href="{of_file(archived)}"' in shown
    assert f'href="/api/v1/archives/{archived.folder.archive_id}/files/{archived.pk}/content/?download=1"' in shown


@pytest.mark.parametrize(("lost", "shown"), [(None, ">unknown</span>"), (0, ">none<"), (3, "3</span>")])
def test_lost_frames_are_shown(lost: int | None, shown: str, viewer: Any, archived: ArchiveFile) -> None:
    archived.facts["lost_frames"] = lost
    archived.save()
    assert shown in row(text_of(viewer.get(of(archived.folder.archive))), archived)


@pytest.mark.parametrize(
    ("query", "clips", "pictures"),
    [
        ("kind=clip", True, False),
        ("kind=capture", False, True),
        ("kind=x", True, True),
        ("camera=sky", True, True),
        ("state=missing", False, False),
        ("host=main", True, True),
        ("host=dome", False, False),
        ("before=x", True, True),
    ],
)
def test_files_are_filtered(
    query: str, clips: bool, pictures: bool, viewer: Any, archived: ArchiveFile, picture: ArchiveFile
) -> None:
    page = text_of(viewer.get(of(archived.folder.archive, f"?{query}")))
    assert (of_file(archived) in page) is clips
    assert (of_file(picture) in page) is pictures


def test_a_filter_for_a_camera_that_does_not_exist_is_not_found(viewer: Any, archive: Archive) -> None:
    assert viewer.get(of(archive, "?camera=nowhere")).status_code == 404


def test_files_have_pages_newest_first(
    viewer: Any, archived: ArchiveFile, picture: ArchiveFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "ROWS", 1)
    page = text_of(viewer.get(of(archived.folder.archive)))
    assert of_file(archived) in page
    assert of_file(picture) not in page
    older = page.partition('href="?before=')[2].partition("#")[0]
    second = text_of(viewer.get(of(archived.folder.archive, f"?before={older}")))
    assert of_file(picture) in second
    assert "Newest</a>" in second


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        (
            {"state": "waiting", "completed_at": None, "revision": 0},
            "They are copied when the clips of the run are saved.",
        ),
        ({}, "The archive has no files."),
    ],
)
def test_an_archive_without_files_says_why(
    fields: dict[str, Any], sentence: str, viewer: Any, archive: Archive
) -> None:
    Archive.objects.update(**fields)
    assert sentence in text_of(viewer.get(of(archive)))


def test_what_is_missing_is_stated_with_its_reason(viewer: Any, archived: ArchiveFile) -> None:
    ArchiveFile.objects.update(state="missing", message=f"The source was deleted. {MARKUP}")
    Archive.objects.update(state="incomplete", missing=["sky: one gap.", f"{archived.path}: as it was then."])
    page = text_of(viewer.get(of(archived.folder.archive)))
    assert "1 file missing or damaged." in page
    assert "The source was deleted." in page
    assert "sky: one gap." in page
    assert "as it was then" not in page
    assert MARKUP not in page


def test_a_failure_of_the_copies_is_an_alert_of_the_page(viewer: Any, archive: Archive) -> None:
    Archive.objects.update(state="copying", message="The disk of /x is full.")
    assert "Files cannot be copied now." in text_of(viewer.get(of(archive)))


def test_findings_of_the_last_verification_are_listed(viewer: Any, archived: ArchiveFile) -> None:
    found = {"path": MARKUP, "what": "changed", "message": "Its content has changed."}
    result = {"missing": 0, "changed": 1, "extra": 0, "mended": 0, "results": [found]}
    Job.objects.create(
        kind="verify_archive", host="main", subject=str(archived.folder.archive_id), state="done", result=result,
        ended_at=timezone.now(),
    )  # fmt: skip
    page = text_of(viewer.get(of(archived.folder.archive)))
    assert "1 changed" in page
    assert "Its content has changed." in page
    assert MARKUP not in page


def test_the_chain_of_custody_names_who_did_what(viewer: Any, archive: Archive) -> None:
    record_event("archive.requested", "ada asked for it.", subject=archive.pk, actor="ada", camera=None)
    assert "ada asked for it." in text_of(viewer.get(of(archive)))


def test_who_does_not_see_all_cameras_sees_no_sentence_about_them(
    viewer: Any, manager: Any, archived: ArchiveFile, other: Camera, root: StorageRoot
) -> None:
    archive = archived.folder.archive
    hidden = archived_file(archive, root, other, "b/clips/unseen.mp4", b"x", at=STARTED, facts={"kind": "clip"})
    Archive.objects.update(state="incomplete", missing=["b: unseen sentence."])
    record_event("archive.incomplete", "b: unseen event.", subject=archive.pk, camera=None)
    seen, whole = text_of(viewer.get(of(archive))), text_of(manager.get(of(archive)))
    assert "unseen" not in seen
    assert "Secret" not in seen
    assert str(hidden.pk) not in seen
    assert "unseen sentence" in whole
    assert "unseen event" in whole
    assert "unseen" not in text_of(viewer.get(LIST))


def test_a_file_of_a_hidden_camera_is_not_found(
    viewer: Any, manager: Any, archive: Archive, other: Camera, root: StorageRoot
) -> None:
    hidden = archived_file(archive, root, other, "b/clips/x.mp4", b"x", at=STARTED, facts={"kind": "clip"})
    assert viewer.get(of_file(hidden)).status_code == 404
    assert manager.get(of_file(hidden)).status_code == 200
    assert viewer.get(of(archive, "?camera=b")).status_code == 404


def test_an_archive_of_hidden_cameras_alone_is_not_found(viewer: Any, archive: Archive, camera: Camera) -> None:
    only_for(camera)
    assert viewer.get(of(archive)).status_code == 404
    assert of(archive) not in text_of(viewer.get(LIST))


def test_a_file_is_reached_through_its_own_archive_alone(viewer: Any, archived: ArchiveFile, camera: Camera) -> None:
    foreign = archive_of(experiment_of(camera, name="Frost"))
    assert viewer.get(f"{LIST}{foreign.pk}/files/{archived.pk}/").status_code == 404


def test_names_with_markup_are_text(viewer: Any, archived: ArchiveFile) -> None:
    Experiment.objects.update(name=HOSTILE[:300])
    Camera.objects.update(name=MARKUP)
    for address in (LIST, of(archived.folder.archive), of_file(archived)):
        assert MARKUP not in text_of(viewer.get(address))


def test_only_managers_see_folders_of_machines(viewer: Any, manager: Any, archived: ArchiveFile) -> None:
    address = of(archived.folder.archive)
    assert archived.folder.root.path in text_of(manager.get(address))
    assert archived.folder.root.path not in text_of(viewer.get(address))


def test_files_on_another_host_are_named_and_have_no_links(viewer: Any, archived: ArchiveFile) -> None:
    archived.folder.host = "dome"
    archived.folder.save()
    page = text_of(viewer.get(of(archived.folder.archive)))
    assert "<b>dome</b> cannot be read here." in page
    assert "on dome</span>" in row(page, archived)
    assert "href" not in row(page, archived).replace("icons.svg", "").replace("<use href", "<use")
    assert "The file is on the camera host dome" in text_of(viewer.get(of_file(archived)))


def test_a_clip_is_played_from_the_archive_when_its_source_is_deleted(viewer: Any, archived: ArchiveFile) -> None:
    ArchiveFile.objects.update(clip=None)
    page = text_of(viewer.get(of_file(archived)))
    content = f"/api/v1/archives/{archived.folder.archive_id}/files/{archived.pk}/content/"
    assert f'<source src="{content}?form=faststart#t=0' in page
    assert 'data-length="4.0' in page
    assert "deleted: this is the archive's copy" in page


def test_a_picture_is_looked_at(viewer: Any, picture: ArchiveFile) -> None:
    page = text_of(viewer.get(of_file(picture)))
    assert f'src="/api/v1/archives/{picture.folder.archive_id}/files/{picture.pk}/thumbnail/?size=2048"' in page
    assert "player.js" not in page


def test_a_damaged_file_is_not_played(viewer: Any, archived: ArchiveFile) -> None:
    ArchiveFile.objects.update(state="damaged", message="Its content has changed.")
    page = text_of(viewer.get(of_file(archived)))
    assert "Its content has changed. Verify the archive" in page
    assert "<video" not in page


def test_files_lead_to_the_ones_before_and_after(
    viewer: Any, archive: Archive, camera: Camera, root: StorageRoot
) -> None:
    first, second = (
        archived_clip(archive, clip_of(camera, root, STARTED + timedelta(minutes=number))) for number in range(2)
    )
    assert f'href="{of_file(second)}" data-newer' in text_of(viewer.get(of_file(first)))
    assert f'href="{of_file(first)}" data-older' in text_of(viewer.get(of_file(second)))


def test_the_panel_of_an_experiment_leads_to_its_archive(viewer: Any, archive: Archive, run: Experiment) -> None:
    assert f'href="{of(archive)}"' in text_of(viewer.get(f"/experiments/{run.pk}/"))


def test_operators_verify_from_the_page(operator: Any, viewer: Any, archived: ArchiveFile, run: Experiment) -> None:
    address = f'action="/experiments/{run.pk}/verify/"'
    assert address in text_of(operator.get(of(archived.folder.archive)))
    assert address not in text_of(viewer.get(of(archived.folder.archive)))


@pytest.mark.parametrize("state", ["waiting", "copying"])
def test_the_page_is_refreshed_while_files_are_copied(state: str, viewer: Any, archived: ArchiveFile) -> None:
    Archive.objects.update(state=state)
    now = text_of(viewer.get(of(archived.folder.archive, "now/?kind=clip")))
    assert 'id="archive-facts" aria-labelledby="facts-title" hx-swap-oob="morph"' in now
    assert of_file(archived) in now
    assert f'hx-get="{of(archived.folder.archive, "now/?kind=clip")}"' in text_of(
        viewer.get(of(archived.folder.archive, "?kind=clip"))
    )


def test_the_page_is_refreshed_while_files_are_verified(viewer: Any, archive: Archive) -> None:
    assert "archive-findings" not in text_of(viewer.get(of(archive, "now/")))
    Job.objects.create(kind="verify_archive", host="main", subject=str(archive.pk))
    assert "archive-findings" in text_of(viewer.get(of(archive, "now/")))
    Job.objects.update(state="done", ended_at=timezone.now() - timedelta(hours=1))
    assert "archive-findings" not in text_of(viewer.get(of(archive, "now/")))


def test_too_many_files_for_one_download_are_a_sentence(
    viewer: Any, archived: ArchiveFile, picture: ArchiveFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "MAX_FILES", 1)
    page = text_of(viewer.get(of(archived.folder.archive)))
    assert "a ZIP file can have 1 files" in page
    assert "Download all" not in page
