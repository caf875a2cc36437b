from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import OperationalError, connection

from cameras.models import Camera
from cameras.spool.storage import MARKER
from cameras.status import status
from cameras.status.messages import absent_status
from cameras.status.status import clock_ahead_s
from captures.roots.models import StorageClass
from captures.roots.roots import assign_root
from core.broker import broker
from core.events.models import Alert
from core.findings import Finding
from monitoring import health
from monitoring.health import HEALTH, check_host
from monitoring.tasks import check_health
from skycam_project import health as readiness
from skycam_project.pages.page_files import missing_files, page_problems
from tests.harness.rows.audiences import only_for
from tests.harness.stations.broker import station_broker
from tests.harness.waiting import PATIENCE_S


def write_heartbeat(valkey: Any, observed: str) -> None:
    """Write the heartbeat and the status that a camera host would write again each second."""
    valkey.set(broker.key("host", "main"), "{}")
    written = absent_status("sky", "connected", "")
    written["observed"] = observed
    status.write_status(valkey, written)
    valkey.persist(broker.key("status", "sky"))


def test_a_station_without_a_broker_reports_itself_as_broken(viewer: Any, camera: Camera) -> None:
    answer = viewer.get("/api/v1/health/")
    body = answer.json()
    assert answer.status_code == 503
    assert body["status"] == "broken"
    assert body["broker"] is False
    assert body["database"] is True
    assert "broker" in body["problems"]["broker"][0]
    assert body["cameras"][0]["camera"] == "sky"
    assert body["free_disk_space_gb"] > 0


def test_a_station_without_its_camera_host_is_broken(viewer: Any, camera: Camera, valkey: Any) -> None:
    answer = viewer.get("/api/v1/health/")
    assert answer.status_code == 503
    assert list(answer.json()["problems"]) == ["hosts"]
    (host,) = answer.json()["hosts"]
    assert host == {
        "host": "main",
        "alive": False,
        "version": "",
        "clock": "",
        "ahead_s": None,
        "database_ahead_s": None,
        "problems": [],
    }


def test_a_station_whose_parts_answer_is_healthy(viewer: Any, camera: Camera, valkey: Any) -> None:
    write_heartbeat(valkey, "ready")
    answer = viewer.get("/api/v1/health/")
    assert answer.status_code == 200
    assert answer.json()["status"] == "ok"
    assert answer.json()["problems"] == {}
    assert answer.json()["cameras"][0]["observed"] == "ready"


def test_a_quarantined_camera_is_a_problem(viewer: Any, camera: Camera, valkey: Any) -> None:
    write_heartbeat(valkey, "quarantined")
    answer = viewer.get("/api/v1/health/")
    assert answer.status_code == 503
    assert list(answer.json()["problems"]) == ["cameras"]


@pytest.fixture
def hidden(camera: Camera, manager: Any) -> Camera:
    """A camera that only the manager may see."""
    only_for(camera)
    return camera


HIDDEN_FAULTS = [("quarantined", "cameras", " is quarantined:"), ("", "hosts", "The camera host main does not")]


@pytest.mark.parametrize(("observed", "name", "problem"), HIDDEN_FAULTS)
def test_problems_of_a_hidden_camera_are_shown_only_to_its_audience(
    observed: str, name: str, problem: str, viewer: Any, manager: Any, hidden: Camera, valkey: Any
) -> None:
    [write_heartbeat(valkey, state) for state in filter(None, [observed])]
    assert viewer.get("/api/v1/health/").json()["problems"] == {}
    assert problem not in viewer.get("/status/").content.decode()
    assert problem in manager.get("/api/v1/health/").json()["problems"][name][0]
    assert problem in manager.get("/status/").content.decode()


def test_the_examination_names_no_hidden_camera(operator: Any, manager: Any, hidden: Camera, valkey: Any) -> None:
    write_heartbeat(valkey, "quarantined")
    pages = [client.get("/status/examination/").content.decode() for client in (operator, manager)]
    assert ["sky is quarantined" in text for text in pages] == [False, True]


def test_the_examination_names_no_hidden_camera_whose_password_is_lost(
    operator: Any, manager: Any, hidden: Camera, valkey: Any
) -> None:
    Camera.objects.update(kind="network", encrypted_address="of another key")
    pages = [client.get("/status/examination/").content.decode() for client in (operator, manager)]
    assert ["cannot be decrypted: camera sky" in text for text in pages] == [False, True]


def test_the_alert_of_a_hidden_camera_is_shown_only_to_its_audience(
    viewer: Any, manager: Any, hidden: Camera, valkey: Any
) -> None:
    check_health()
    assert viewer.get("/api/v1/alerts/").json()["results"] == []
    (alert,) = manager.get("/api/v1/alerts/").json()["results"]
    assert alert["key"] == "health.hosts:main:sky"
    assert alert["camera"] == "sky"
    assert alert["message"].startswith("The camera host main does not answer.")


def test_a_quarantine_gets_no_second_alert(camera: Camera, valkey: Any) -> None:
    """The camera's host raises its own alert."""
    write_heartbeat(valkey, "quarantined")
    check_health()
    assert list(Alert.objects.all()) == []


def test_a_health_alert_is_resolved_with_its_problem(camera: Camera, valkey: Any) -> None:
    [check_health() for _ in range(2)]
    assert Alert.objects.get().state == "open"
    assert Alert.objects.get().count == 2
    write_heartbeat(valkey, "ready")
    check_health()
    assert Alert.objects.get().state == "resolved"


@pytest.fixture
def unmounted(root: Any) -> Any:
    """The storage root of this host is not mounted."""
    assign_root(root, StorageClass.CAPTURES)
    Path(root.path, MARKER).unlink()
    return root


def test_an_alert_about_a_machine_names_its_host(unmounted: Any) -> None:
    check_host()
    alert = Alert.objects.get(key="health.disk:main")
    assert alert.host == "main"
    assert alert.data == {"host": "main"}
    assert alert.message.startswith("On the host main: The storage root ")


def test_the_health_of_another_machine_is_left_to_that_machine(unmounted: Any, valkey: Any) -> None:
    Alert.objects.create(key="health.disk:dome", message="Existing.")
    [check() for check in (check_host, check_health)]
    assert set(Alert.objects.values_list("key", "state")) == {
        ("health.disk:dome", "open"),
        ("health.disk:main", "open"),
    }
    unmounted.delete()
    check_host()
    assert Alert.objects.get(key="health.disk:main").state == "resolved"
    assert Alert.objects.get(key="health.disk:dome").state == "open"


def test_an_alert_about_an_unreachable_host_names_the_host(camera: Camera, valkey: Any) -> None:
    check_health()
    assert [(alert.key, alert.data) for alert in Alert.objects.all()] == [("health.hosts:main", {"host": "main"})]


@pytest.mark.parametrize("key", ["health.disk", "health.gone"])
def test_an_alert_of_an_older_version_is_resolved(db: None, key: str, valkey: Any) -> None:
    Alert.objects.create(key=key, message="Existing.")
    [check() for check in (check_host, check_health)]
    assert Alert.objects.get(key=key).state == "resolved"


def test_healthz_answers_only_ok(anonymous: Any) -> None:
    answer = anonymous.get("/healthz")
    assert answer.status_code == 200
    assert answer.content == b"ok"
    assert answer["Content-Type"] == "text/plain"
    assert dict(answer.cookies) == {}


def test_healthz_asks_nothing(anonymous: Any, django_assert_num_queries: Any) -> None:
    """The broker does not run in this test."""
    with django_assert_num_queries(0):
        assert anonymous.get("/healthz").status_code == 200


def test_readyz_names_what_is_missing_and_nothing_else(anonymous: Any, camera: Camera) -> None:
    answer = anonymous.get("/readyz")
    assert answer.status_code == 503
    assert answer.json() == {"ready": False, "problems": ["broker"]}


def test_readyz_names_no_host(anonymous: Any, camera: Camera, valkey: Any) -> None:
    answer = anonymous.get("/readyz")
    assert answer.status_code == 503
    assert answer.json() == {"ready": False, "problems": ["hosts"]}


def test_a_station_whose_hosts_answer_is_ready(anonymous: Any, camera: Camera, valkey: Any) -> None:
    write_heartbeat(valkey, "ready")
    answer = anonymous.get("/readyz")
    assert (answer.status_code, answer.json()) == (200, {"ready": True, "problems": []})


def test_readyz_names_a_root_that_is_not_mounted(anonymous: Any, camera: Camera, valkey: Any, unmounted: Any) -> None:
    write_heartbeat(valkey, "ready")
    answer = anonymous.get("/readyz")
    assert (answer.status_code, answer.json()) == (503, {"ready": False, "problems": ["disk"]})


def test_an_unmounted_root_that_gets_no_new_files_is_no_problem(root: Any, camera: Camera, valkey: Any) -> None:
    Path(root.path, MARKER).unlink()
    assert health.findings()["disk"] == []


def refuse(*_: Any) -> None:
    raise OperationalError("the database is away")


def test_readyz_answers_without_a_database(anonymous: Any, valkey: Any) -> None:
    with connection.execute_wrapper(refuse):
        answer = anonymous.get("/readyz")
    assert answer.status_code == 503
    assert answer.json() == {"ready": False, "problems": ["database"]}


end_of_hang = threading.Event()


def hang() -> list[Finding]:
    end_of_hang.wait(PATIENCE_S)
    return []


@pytest.fixture
def hanging_broker_check(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The check of the broker does not end before the test does."""
    end_of_hang.clear()
    monkeypatch.setitem(HEALTH, "broker", "tests.api.test_health.hang")
    monkeypatch.setattr(readiness, "READY_WITHIN_S", 0.2)
    yield
    end_of_hang.set()


@pytest.mark.django_db(transaction=True)
def test_a_check_that_hangs_is_not_ready_for_any_number_of_probes(
    anonymous: Any, camera: Camera, valkey: Any, hanging_broker_check: None
) -> None:
    write_heartbeat(valkey, "ready")
    answers = [anonymous.get("/readyz") for _ in range(readiness.MAX_PROBES + 2)]
    assert {answer.status_code for answer in answers} == {503}
    assert {"broker" in answer.json()["problems"] for answer in answers} == {True}


@pytest.fixture
def as_host(settings: Any) -> Callable[[str], None]:
    """Makes this process one of the host `name`."""

    def become(name: str) -> None:
        settings.STATION = settings.STATION.model_copy(update={"host": name})

    return become


def unresolved() -> set[tuple[str, str]]:
    return set(Alert.objects.exclude(state="resolved").values_list("key", "host"))


@pytest.fixture
def incomplete(settings: Any, tmp_path: Path) -> Iterator[None]:
    """The installation has neither templates nor static files of its own."""
    settings.TEMPLATES = [{**settings.TEMPLATES[0], "DIRS": [tmp_path]}]
    settings.STATICFILES_DIRS = []
    missing_files.cache_clear()
    yield
    missing_files.cache_clear()


def test_a_station_without_the_files_of_its_pages_is_not_ready(
    anonymous: Any, viewer: Any, camera: Camera, valkey: Any, incomplete: None
) -> None:
    write_heartbeat(valkey, "ready")
    answer = anonymous.get("/readyz")
    assert (answer.status_code, answer.json()) == (503, {"ready": False, "problems": ["pages"]})
    (sentence,) = viewer.get("/api/v1/health/").json()["problems"]["pages"]
    assert sentence.startswith("Files of the pages are missing: 500.html, 503.html, base.html.")
    check_host()
    assert unresolved() == {("health.pages:main", "main")}


def test_a_missing_static_file_is_named(settings: Any, incomplete: None, tmp_path: Path) -> None:
    for name in ("500.html", "503.html", "base.html"):
        (tmp_path / name).write_text("{% static 'css/base.css' %}")
    (finding,) = page_problems()
    assert "missing: css/base.css. The installation" in finding.sentence


def test_this_installation_has_all_files_that_its_templates_name() -> None:
    assert page_problems() == []


def test_each_host_opens_and_closes_only_its_own_alerts(
    as_host: Callable[[str], None], camera: Camera, request: Any
) -> None:
    [(as_host(host), check_host()) for host in ("dome", "main")]
    assert unresolved() == {("health.broker:dome", "dome"), ("health.broker:main", "main")}
    request.getfixturevalue("valkey")
    check_host()
    assert unresolved() == {("health.broker:dome", "dome")}
    as_host("dome")
    check_host()
    assert unresolved() == set()


def test_the_alert_about_a_silent_host_stays_open_while_the_broker_is_away(camera: Camera) -> None:
    with station_broker(settings.STATION):
        check_health()
    check_health()
    assert unresolved() == {("health.hosts:main", "main")}


def test_the_health_of_a_host_has_the_messages_of_its_alerts(
    viewer: Any, unmounted: Any, camera: Camera, valkey: Any
) -> None:
    write_heartbeat(valkey, "ready")
    check_host()
    (host,) = viewer.get("/api/v1/health/").json()["hosts"]
    assert [("is not mounted" in sentence) for sentence in host["problems"]] == [True]


def test_the_health_of_a_host_has_its_clock(viewer: Any, camera: Camera, valkey: Any) -> None:
    beat = {"host": "main", "at": "2026-03-01T20:00:00Z", "version": "1.2", "clock": "synchronised", "ahead_s": -1.5}
    valkey.set(broker.key("host", "main"), json.dumps(beat))
    (host,) = viewer.get("/api/v1/health/").json()["hosts"]
    assert (host["version"], host["clock"], host["ahead_s"]) == ("1.2", "synchronised", -1.5)


def test_the_clock_of_this_machine_is_compared_with_the_brokers(valkey: Any) -> None:
    assert abs(clock_ahead_s(valkey)) < PATIENCE_S


def test_every_entry_of_the_table_answers(db: None) -> None:
    entries = "backups parts database broker hosts pages cameras disk notifications"
    assert set(health.findings()) == set(entries.split())
