"""The API, the page and the commands of jobs: what each user sees, and who may cancel."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from cameras.models import Camera
from core.events.models import Event
from core.jobs import claims, services
from core.jobs.models import Job
from monitoring.metrics import metrics_for
from skycam_project.cli.jobs import explain_wait
from tests.harness.clients.pages import text_of
from tests.harness.rows.audiences import only_for
from tests.harness.stations.command_line import answer, skycam

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def without_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "wake_host", lambda host: False)


def new_job(camera: Camera | None = None, **fields: Any) -> Job:
    job, _ = services.enqueue("verify", "main", subject="all files", camera=camera, actor="ada")
    Job.objects.filter(pk=job.pk).update(**fields)
    return Job.objects.get(pk=job.pk)


def failed(camera: Camera | None = None) -> Job:
    job = new_job(camera)
    assert claims.claim(job.pk, "worker")
    claims.JobLease(Job.objects.get(pk=job.pk)).fail("The disk of sky is gone.")
    return Job.objects.get(pk=job.pk)


def test_jobs_are_listed_newest_first_with_filters(viewer: Any) -> None:
    first = new_job()
    services.request_cancel(first, "ada", user=None)
    second = new_job()
    found = viewer.get("/api/v1/jobs/").json()["results"]
    assert [one["id"] for one in found] == [str(second.pk), str(first.pk)]
    assert [one["state"] for one in viewer.get("/api/v1/jobs/?state=cancelled").json()["results"]] == ["cancelled"]
    assert viewer.get("/api/v1/jobs/?host=dome").json()["results"] == []
    assert viewer.get("/api/v1/jobs/?state=lost").status_code == 400


def test_pages_of_jobs_follow_each_other(viewer: Any) -> None:
    jobs = [Job.objects.create(kind="verify", host="main") for _ in range(3)]
    first = viewer.get("/api/v1/jobs/?limit=2").json()
    second = viewer.get(first["next"]).json()
    ids = [one["id"] for one in first["results"] + second["results"]]
    assert ids == [str(job.pk) for job in reversed(jobs)]


def test_a_viewer_does_not_see_what_a_job_without_a_camera_names(viewer: Any, manager: Any) -> None:
    job = failed()
    seen, all_of_it = (person.get(f"/api/v1/jobs/{job.pk}/").json() for person in (viewer, manager))
    assert seen["error"] == ""
    assert seen["arguments"] is None
    assert seen["state"] == "failed"
    assert all_of_it["error"] == "The disk of sky is gone."
    assert all_of_it["arguments"] == {}
    assert "disk of sky" not in viewer.get("/jobs/").content.decode()
    assert "disk of sky" not in Event.objects.get(kind="job.failed").message


def test_a_viewer_sees_why_the_job_of_a_camera_failed(viewer: Any, camera: Camera) -> None:
    job = failed(camera)
    assert viewer.get(f"/api/v1/jobs/{job.pk}/").json()["error"] == "The disk of sky is gone."
    event = Event.objects.get(kind="job.failed")
    assert event.camera == "sky"
    assert "The disk of sky is gone." in event.message


def test_the_job_of_a_hidden_camera_is_not_there(operator: Any, camera: Camera) -> None:
    job = new_job(camera)
    only_for(camera)
    assert operator.get("/api/v1/jobs/").json()["results"] == []
    assert operator.get(f"/api/v1/jobs/{job.pk}/").status_code == 404
    assert operator.post(f"/api/v1/jobs/{job.pk}/cancel/").status_code == 404
    assert "all files" not in operator.get("/jobs/").content.decode()


def test_the_role_of_the_kind_cancels(operator: Any, manager: Any) -> None:
    job = new_job()
    refused = operator.post(f"/api/v1/jobs/{job.pk}/cancel/")
    assert refused.status_code == 403
    assert "role manager" in refused.json()["detail"]
    done = manager.post(f"/api/v1/jobs/{job.pk}/cancel/").json()
    assert done["state"] == "cancelled"
    assert done["cancel_requested"] is True
    again = manager.post(f"/api/v1/jobs/{job.pk}/cancel/")
    assert again.status_code == 409
    assert again.json()["type"] == "/problems/job-ended"


def test_the_page_shows_progress_and_a_button_for_those_who_may(viewer: Any, manager: Any) -> None:
    job = new_job()
    assert claims.claim(job.pk, "worker")
    Job.objects.update(done=3, total=12, sentence="3 files read")
    seen, managed = (text_of(person.get("/jobs/")) for person in (viewer, manager))
    assert '<progress max="12.0000" value="3.0000"' in seen
    assert "3 files read" in seen
    assert f"/jobs/{job.pk}/cancel/" not in seen
    assert f"/jobs/{job.pk}/cancel/" in managed
    assert "3 files read" in viewer.get("/jobs/now/").content.decode()


def test_the_page_shows_a_job_without_reports_as_such(viewer: Any) -> None:
    job = new_job()
    assert claims.claim(job.pk, "worker")
    Job.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    assert "No report" in viewer.get("/jobs/").content.decode()


def test_the_page_shows_the_problems_of_a_result_to_those_who_may_see_it(viewer: Any, manager: Any) -> None:
    result = {"problems": ["The disk of sky is not mounted."], "results": []}
    new_job(state="done", ended_at=timezone.now(), result=result)
    seen, managed = (text_of(person.get("/jobs/")) for person in (viewer, manager))
    assert "is not mounted" not in seen
    assert "is not mounted" in managed


@pytest.mark.parametrize("result", [None, {}, {"problems": 5}, {"problems": None}, {"problems": "text"}])
def test_the_page_shows_any_result(manager: Any, result: Any) -> None:
    new_job(state="done", ended_at=timezone.now(), result=result)
    assert manager.get("/jobs/").status_code == 200


def test_the_page_does_not_read_what_may_be_large(manager: Any) -> None:
    new_job(arguments={"names": ["a"]}, checkpoint={"findings": []})
    with CaptureQueriesContext(connection) as queries:
        manager.get("/jobs/now/")
    read = " ".join(query["sql"] for query in queries if "core_job" in query["sql"])
    assert '"core_job"."checkpoint"' not in read
    assert ', "core_job"."result"' not in read


def test_the_page_without_jobs_says_so(viewer: Any) -> None:
    assert "No jobs yet." in viewer.get("/jobs/").content.decode()
    assert "No jobs match these filters." in viewer.get("/jobs/?state=failed").content.decode()
    assert viewer.get("/jobs/?before=nonsense").status_code == 404


@pytest.mark.parametrize("query", ["kind=verify", "kind=unknown", "state=waiting", "state=lost", "kind=&state="])
def test_the_page_leaves_out_an_invalid_filter(query: str, viewer: Any) -> None:
    job = new_job()
    assert [one.job for one in viewer.get(f"/jobs/?{query}").context["jobs"]] == [job]


def test_the_page_cancels(manager: Any) -> None:
    job = new_job()
    reply = manager.post(f"/jobs/{job.pk}/cancel/", headers={"HX-Request": "true"})
    assert "Cancelled: Verify files." in reply.content.decode()
    assert (
        "has ended already" in manager.post(f"/jobs/{job.pk}/cancel/", headers={"HX-Request": "true"}).content.decode()
    )


def test_the_commands_list_show_and_cancel() -> None:
    job = new_job()
    assert [one["id"] for one in answer("jobs", "list")["results"]] == [str(job.pk)]
    assert "verify" in skycam("jobs", "list").stdout
    assert answer("jobs", "show", str(job.pk)[:13])["requested_by"] == "ada"
    assert answer("jobs", "cancel", str(job.pk))["state"] == "cancelled"
    refused = skycam("jobs", "cancel", str(job.pk))
    assert refused.exit_code == 1
    assert "has ended already" in refused.stderr


def test_waiting_for_a_job_that_failed_exits_with_1() -> None:
    found = skycam("--output", "json", "jobs", "wait", str(failed().pk))
    assert found.exit_code == 1
    assert json.loads(found.stdout)["state"] == "failed"


def test_a_command_says_where_the_jobs_part_is_missing(capsys: pytest.CaptureFixture[str]) -> None:
    explain_wait(Job(kind="verify", host="dome"))
    assert "The jobs part of dome has not taken the job yet. Start it there" in capsys.readouterr().err


def test_the_metrics_count_jobs(manager: Any) -> None:
    from skycam_project.access.models import User

    failed()
    families = text_string_to_metric_families(metrics_for(User.objects.get(role="manager")).decode())
    samples = [sample for family in families for sample in family.samples]
    jobs = {(one.labels["kind"], one.labels["state"]): one.value for one in samples if one.name == "skycam_jobs"}
    assert jobs["verify", "failed"] == 1.0
    assert jobs["verify", "waiting"] == 0.0
    assert "skycam_job_seconds" in {sample.name for sample in samples}


def test_old_jobs_are_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = failed(), failed()
    Job.objects.filter(pk=old.pk).update(ended_at=timezone.now() - timedelta(days=4000))
    assert services.remove_jobs() == 1
    assert list(Job.objects.all()) == [new]
