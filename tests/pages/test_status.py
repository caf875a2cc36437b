"""The status page: what waits, the clocks of hosts, and the charts of processes."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from cameras.models import Camera
from cameras.status.process_usage import (
    FEW,
    HISTORY_READER,
    SAMPLES,
    History,
    ProcessUsageWriter,
    Range,
    UsageReader,
    UsageSample,
    append_sample,
)
from cameras.status.status import clock_ahead_s
from core.broker import broker
from core.broker.queues import key_prefix
from core.jobs.models import Job
from monitoring.models import NotificationChannel
from skycam_project.launch.usage_sampler import UsageSampler
from skycam_project.pages.status_sections import SECTIONS, sparkline
from tests.harness.clients.pages import text_of
from tests.harness.rows.audiences import only_for
from tests.harness.rows.many import many_cameras
from tests.harness.rows.notifications import webhook_channel
from tests.harness.rows.webhooks import added, happened

NOW = 1_700_000_000.0


@pytest.fixture(autouse=True)
def no_history() -> Iterator[None]:
    HISTORY_READER.clear_cache()
    yield
    HISTORY_READER.clear_cache()


def figures(client: Any, title: str) -> str:
    """The text of one section."""
    text = text_of(client.get("/status/now/"))
    return " ".join(text.partition(f'aria-label="{title}"')[2].partition("</section>")[0].split())


def test_the_page_has_the_lengths_of_the_queues(viewer: Any, camera: Camera, valkey: Any) -> None:
    celery = key_prefix(settings.STATION.station.id)
    valkey.rpush(broker.key("camera.main"), *["{}"] * 9)
    valkey.rpush(f"{celery}camera.main", *["{}"] * 2)
    valkey.rpush(f"{celery}jobs", *["{}"] * 3)
    text = figures(viewer, "Queues")
    assert "<b>11</b> waiting" in text
    assert "The camera host does not take them." in text
    assert 'Tasks of the station</h3><p class="soft"><b>3</b> waiting' in text


def test_queues_are_unknown_without_the_broker(viewer: Any, camera: Camera) -> None:
    assert "The broker does not answer." in figures(viewer, "Queues")


def test_the_host_of_a_hidden_camera_has_no_queue(viewer: Any, manager: Any, camera: Camera, valkey: Any) -> None:
    Camera.objects.update(host="secret-dome")
    only_for(camera)
    assert ["secret-dome" in figures(client, "Queues") for client in (viewer, manager)] == [False, True]


def test_the_page_has_the_jobs_by_state(viewer: Any, valkey: Any) -> None:
    [Job.objects.create(kind="verify", host="main", state="waiting") for _ in range(2)]
    text = figures(viewer, "Jobs")
    assert "<b>2</b> jobs" in text
    assert "<b>0</b> in 24 hours" in text


def test_only_managers_see_the_backlogs_of_web_hooks(viewer: Any, manager: Any, valkey: Any) -> None:
    added(name="laboratory")
    [happened() for _ in range(3)]
    assert "laboratory" not in text_of(viewer.get("/status/"))
    assert "<b>3</b> pending" in figures(manager, "Deliveries")


def test_only_managers_see_the_backlogs_of_notification_channels(viewer: Any, manager: Any, valkey: Any) -> None:
    channel = webhook_channel(name="night-watch")
    NotificationChannel.objects.filter(pk=channel.pk).update(failing_since=timezone.now())
    assert "night-watch" not in text_of(viewer.get("/status/"))
    text = figures(manager, "Deliveries")
    assert "night-watch" in text
    assert "failing since" in text


def test_the_sections_need_no_more_queries_for_more_web_hooks(
    manager: Any, valkey: Any, django_assert_max_num_queries: Any
) -> None:
    [added(name=f"hook {number}") for number in range(12)]
    with django_assert_max_num_queries(45):
        manager.get("/status/now/")


@pytest.mark.parametrize("path", ["/status/", "/status/now/", "/hosts/", "/cameras/", "/api/v1/cameras/"])
def test_many_cameras_need_no_more_queries_than_one(
    manager: Any, camera: Camera, valkey: Any, path: str, django_assert_num_queries: Any
) -> None:
    manager.get(path)
    with CaptureQueriesContext(connection) as queries:
        manager.get(path)
    number = len(queries)
    many_cameras(40)
    with django_assert_num_queries(number):
        assert "more-39" in text_of(manager.get(path))


def test_the_page_and_its_frame_read_the_cameras_once(manager: Any, camera: Camera, valkey: Any) -> None:
    manager.get("/status/now/")
    with CaptureQueriesContext(connection) as queries:
        manager.get("/status/now/")
    assert len([one for one in queries if '"cameras_camera"."capabilities"' in one["sql"]]) == 1


def test_a_section_that_fails_hides_no_other(
    viewer: Any, camera: Camera, valkey: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(SECTIONS, "queues", "skycam_project.pages.status_sections.none_such")
    text = text_of(viewer.get("/status/"))
    assert 'aria-label="Jobs"' in text
    assert 'aria-label="Queues"' not in text


@pytest.mark.parametrize(
    ("clock", "wrong_s", "words"),
    [
        # On a busy machine the comparison is some tenths of a second off.
        ("synchronised", 0.0, '<span class="dim hide-s">clock synchronised'),
        ("synchronised", 90.0, r"clock synchronised, (89|90)\.\d s ahead</span>"),
        ("synchronised", -3.0, r"clock synchronised, [23]\.\d s behind</span>"),
        ("unsynchronised", 0.0, "clock unsynchronised, "),
    ],
)
def test_the_clock_of_a_host_is_compared_with_the_one_of_this_machine(
    viewer: Any, camera: Camera, valkey: Any, clock: str, wrong_s: float, words: str
) -> None:
    ahead_s = round(clock_ahead_s(valkey) + wrong_s, 3)
    valkey.set(broker.key("host", "main"), json.dumps({"host": "main", "clock": clock, "ahead_s": ahead_s}))
    assert re.search(words, text_of(viewer.get("/status/")))


def sample(at: float, percent: float | None) -> UsageSample:
    return {"at": at, "usage": {"web": {"cpu_percent": percent, "memory_bytes": 100_000_000}}}


def test_a_history_keeps_an_hour_of_samples(valkey: Any) -> None:
    [append_sample(valkey, "main", sample(NOW + number, None)) for number in range(SAMPLES + 5)]
    texts = [json.loads(text) for text in valkey.lrange(broker.key("usage", "main"), 0, -1)]
    assert (len(texts), texts[-1]["at"], texts[0]["at"]) == (SAMPLES, NOW + 5, NOW + SAMPLES + 4)
    assert 0 < valkey.ttl(broker.key("usage", "main")) <= 7200


def test_the_history_of_an_absent_broker_is_empty() -> None:
    assert HISTORY_READER.read(["main"]) == {"main": History()}


def test_a_history_has_the_least_and_the_most_of_each_minute(valkey: Any) -> None:
    minute = NOW - NOW % 60
    [append_sample(valkey, "main", sample(minute + at, percent)) for at, percent in ((0, 5.0), (10, 2.0), (20, 9.0))]
    append_sample(valkey, "main", sample(minute + 60, 4.0))
    assert HISTORY_READER.read(["main"])["main"].cpu == {
        "web": [Range(minute, minute + 20, 2.0, 9.0), Range(minute + 60, minute + 60, 4.0, 4.0)]
    }


@pytest.mark.parametrize("new", [1, FEW + 5])
def test_samples_are_added_to_a_history_that_was_read_before(valkey: Any, new: int) -> None:
    append_sample(valkey, "main", sample(NOW, 1.0))
    HISTORY_READER.read(["main"])
    [append_sample(valkey, "main", sample(NOW + 60 * number, 1.0)) for number in range(1, new + 1)]
    found = HISTORY_READER.read(["main"])["main"]
    assert [one.at for one in found.cpu["web"]] == [NOW + 60 * number for number in range(new + 1)]
    assert found == UsageReader().read(["main"])["main"]


def test_a_history_begins_again_with_the_broker(valkey: Any) -> None:
    append_sample(valkey, "main", sample(NOW, 1.0))
    HISTORY_READER.read(["main"])
    valkey.delete(broker.key("usage", "main"))
    assert HISTORY_READER.read(["main"])["main"] == History()
    append_sample(valkey, "main", sample(NOW + 600, 2.0))
    assert [one.at for one in HISTORY_READER.read(["main"])["main"].cpu["web"]] == [NOW + 600]


def test_a_history_forgets_what_is_older_than_an_hour(valkey: Any) -> None:
    append_sample(valkey, "main", {"at": NOW, "usage": {"old": {"cpu_percent": 1.0, "memory_bytes": 1}}})
    HISTORY_READER.read(["main"])
    append_sample(valkey, "main", sample(NOW + 3700, 1.0))
    assert HISTORY_READER.read(["main"])["main"].cpu.keys() == {"web"}


def test_a_camera_has_charts_of_its_processor_and_memory(viewer: Any, camera: Camera, valkey: Any) -> None:
    usage = {"camera:sky": {"cpu_percent": 7.0, "memory_bytes": 50_000_000}}
    [append_sample(valkey, "main", {"at": time.time() - ago, "usage": usage}) for ago in (20, 10)]
    row = text_of(viewer.get("/status/")).partition('id="row-main-sky"')[2].partition("</tr>")[0]
    assert "CPU of Sky in the last hour: 7 to 7 %" in row
    assert "Memory of Sky in the last hour: 50 to 50 MB" in row


def test_another_host_has_the_parts_that_it_measured_by_its_own_clock(viewer: Any, camera: Camera, valkey: Any) -> None:
    Camera.objects.update(host="dome")
    heartbeat = {"host": "dome", "clock": "unsynchronised", "ahead_s": clock_ahead_s(valkey) - 3000.0}
    valkey.set(broker.key("host", "dome"), json.dumps(heartbeat))
    [append_sample(valkey, "dome", sample(time.time() - 3000 - ago, 7.0)) for ago in (20, 10)]
    row = text_of(viewer.get("/status/")).partition('id="row-dome-web"')[2].partition("</tr>")[0]
    assert "CPU of web in the last hour: 7 to 7 %" in row
    assert ">0<" not in row


def test_another_host_has_no_parts_that_it_measured_long_ago(viewer: Any, camera: Camera, valkey: Any) -> None:
    Camera.objects.update(host="dome")
    append_sample(valkey, "dome", sample(time.time() - 60, 7.0))
    assert 'id="row-dome-web"' not in text_of(viewer.get("/status/"))


def test_a_sampler_measures_the_cameras_of_its_host(valkey: Any) -> None:
    valkey.set(broker.key("cameras", "main"), json.dumps({"sky": "connected"}))
    ProcessUsageWriter().write_usage(valkey, {"sky": os.getpid()})
    UsageSampler("main").run()
    found = HISTORY_READER.read(["main"])["main"].newest
    assert found is not None
    assert found["usage"]["camera:sky"]["memory_bytes"] > 10_000_000


def test_a_part_is_measured_with_its_children() -> None:
    burn = "import os, time; os.fork()\nwhile time.process_time() < 0.2: pass\nprint(flush=True); time.sleep(60)"
    sampler = UsageSampler("main")
    with subprocess.Popen([sys.executable, "-c", burn], stdout=subprocess.PIPE) as part:
        assert part.stdout is not None
        assert [part.stdout.readline() for _ in range(2)] == [b"\n"] * 2
        found = sampler._measure_part(part.pid, set(), {}, 0.001)  # noqa: SLF001
        subprocess.run(["pkill", "-P", str(part.pid)], check=True)
        part.kill()
    # Almost twice 0.2 s of processor time, which the kernel counts in 10 ms, within 0.001 s.
    assert found["cpu_percent"] is not None
    assert found["cpu_percent"] >= 35_000
    assert found["memory_bytes"] > 1_000_000


def test_a_chart_is_cut_where_samples_are_missing() -> None:
    ranges = [Range(NOW - 3600 + at, NOW - 3600 + at, 50.0, 50.0) for at in (0, 10, 20, 1800, 1810)]
    found = sparkline(ranges, NOW, 10.0, "CPU of web", "%")
    assert found is not None
    assert [len(line.split()) for line in found.lines] == [3, 2]
    assert found.lines[0].startswith("0.0,0.8")
    assert found.summary == "CPU of web in the last hour: 50 to 50 %"


def test_a_chart_needs_two_samples() -> None:
    assert sparkline([Range(NOW, NOW, 1.0, 1.0)], NOW, 10.0, "CPU of web", "%") is None
    assert sparkline([Range(NOW - 9000, NOW - 8990, 1.0, 1.0)], NOW, 10.0, "CPU of web", "%") is None


def test_a_chart_shows_the_most_of_each_minute() -> None:
    ranges = [Range(NOW - 70, NOW - 60, 0.0, 10.0), Range(NOW - 50, NOW, 1.0, 5.0)]
    found = sparkline(ranges, NOW, 10.0, "CPU of web", "%")
    assert found is not None
    assert found.lines == ["98.1,0.8 98.3,0.8 100.0,8.0"]
    assert found.summary == "CPU of web in the last hour: 0 to 10 %"


def test_a_low_value_is_at_the_bottom_of_a_chart() -> None:
    found = sparkline([Range(NOW - 10, NOW, 0.0, 0.0)], NOW, 10.0, "CPU of web", "%")
    assert found is not None
    assert found.lines == ["99.7,15.2 100.0,15.2"]
