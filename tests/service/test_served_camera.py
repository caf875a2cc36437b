"""The camera that the service serves, and its defaults."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import OperationalError, connection
from django.utils import timezone

from cameras import leases
from cameras.models import Camera
from cameras.spool.spool import spool_folder
from cameras.spool.storage import MARKER
from captures.models import Session, StorageRoot
from captures.pixelink_service import roots
from captures.pixelink_service.served_camera import (
    DefaultSettings,
    NotConnected,
    find_camera,
    served_camera,
    set_default_settings,
)
from captures.roots.roots import UnusableRoot

pytestmark = pytest.mark.django_db


def configure(monkeypatch: pytest.MonkeyPatch, **values: object) -> None:
    service = settings.STATION.service.model_copy(update=values)
    monkeypatch.setattr(settings, "STATION", settings.STATION.model_copy(update={"service": service}))


def add(slug: str, kind: str, **fields: object) -> Camera:
    return Camera.objects.create(slug=slug, name=slug, kind=kind, host=settings.STATION.host, **fields)


def found() -> str | None:
    camera = find_camera()
    return camera.slug if camera else None


def test_without_a_pixelink_the_simulated_camera_is_served() -> None:
    add("dslr", "gphoto2")
    add("simulated", "simulated")
    assert found() == "simulated"


def test_the_first_pixelink_overrides_the_simulated_camera() -> None:
    [add(slug, kind) for slug, kind in (("simulated", "simulated"), ("scope-b", "pixelink"), ("scope-a", "pixelink"))]
    assert found() == "scope-b"


@pytest.mark.parametrize("fields", [{"address": "777"}, {"identity": {"serial": "777"}}])
def test_a_serial_number_selects_a_pixelink(monkeypatch: pytest.MonkeyPatch, fields: dict[str, object]) -> None:
    configure(monkeypatch, camera_serial_number="777")
    add("first", "pixelink", address="111")
    add("second", "pixelink", **fields)
    assert found() == "second"


def test_an_unknown_serial_number_is_not_replaced_by_the_simulated_camera(monkeypatch: pytest.MonkeyPatch) -> None:
    configure(monkeypatch, camera_serial_number="777")
    add("simulated", "simulated")
    with pytest.raises(NotConnected, match="No PixeLink camera has the serial number '777'"):
        served_camera()


def test_a_configured_name_overrides_all(monkeypatch: pytest.MonkeyPatch) -> None:
    configure(monkeypatch, camera="dslr", camera_serial_number="777")
    add("scope", "pixelink", address="777")
    add("dslr", "gphoto2")
    assert found() == "dslr"


def test_an_unknown_name_is_not_replaced_by_the_simulated_camera(monkeypatch: pytest.MonkeyPatch) -> None:
    configure(monkeypatch, camera="scope")
    add("simulated", "simulated")
    with pytest.raises(NotConnected, match="SERVICE_CAMERA names the camera 'scope'"):
        served_camera()


def test_the_defaults_are_set_unless_another_value_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    configure(monkeypatch, default_exposure=5000, default_gain=2.0)
    camera = add("simulated", "simulated", settings={"gain": 3.0})
    served_camera(DefaultSettings())
    camera.refresh_from_db()
    assert camera.settings == {"gain": 3.0, "exposure_us": 5000}


def test_the_defaults_are_set_after_the_holder_releases_the_camera(monkeypatch: pytest.MonkeyPatch) -> None:
    configure(monkeypatch, default_gain=2.0)
    camera = leases.acquire_lease(add("simulated", "simulated"), "anna")
    defaults = DefaultSettings()
    assert "gain" not in served_camera(defaults).settings
    leases.release_lease(camera, "anna")
    served_camera(defaults)
    assert Camera.objects.get().settings["gain"] == 2.0


def test_the_defaults_do_not_replace_a_value_that_was_set(monkeypatch: pytest.MonkeyPatch) -> None:
    configure(monkeypatch, default_exposure=5000)
    camera = add("simulated", "simulated", settings={"exposure_us": 7})
    served_camera(DefaultSettings())
    camera.refresh_from_db()
    assert camera.settings == {"exposure_us": 7}


def test_a_concurrent_change_is_not_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    configure(monkeypatch, default_exposure=100_000, default_gain=1.5)
    as_read = add("simulated", "simulated")
    Camera.objects.update(settings={"exposure_us": 5000})
    set_default_settings(as_read)
    assert Camera.objects.get().settings == {"exposure_us": 5000, "gain": 1.5}


def test_the_defaults_of_a_camera_that_was_removed_meanwhile_are_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    configure(monkeypatch, default_gain=1.5)
    as_read = add("simulated", "simulated")
    Camera.objects.update(removed_at=timezone.now())
    set_default_settings(as_read)
    assert Camera.objects.get().settings == {}


def test_the_defaults_are_set_when_the_database_is_back(monkeypatch: pytest.MonkeyPatch) -> None:
    configure(monkeypatch, default_exposure=100_000)
    add("simulated", "simulated")
    defaults = DefaultSettings()
    with connection.execute_wrapper(refuse_changes), pytest.raises(OperationalError):
        served_camera(defaults)
    served_camera(defaults)
    assert Camera.objects.get().settings == {"exposure_us": 100_000}


def refuse_changes(execute: Any, sql: str, *rest: Any) -> Any:
    if sql.startswith("UPDATE"):
        raise OperationalError("database is locked")
    return execute(sql, *rest)


@pytest.fixture
def own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> StorageRoot:
    """The root of IMAGE_SAVE_PATH."""
    configure(monkeypatch, image_save_path=tmp_path / "captures")
    made = roots.ensure_service_root()
    assert made is not None
    return made


def test_captures_of_the_service_go_to_its_own_root(own: StorageRoot) -> None:
    folder, served_one, other = roots.ServiceFolder(), add("simulated", "simulated"), add("second", "simulated")
    assert folder.root_of(served_one) == {"id": str(own.id), "path": own.path}
    assert folder.root_of(other) is None
    assert roots.ensure_service_root() == own


def test_the_folder_of_the_service_counts_at_once_for_a_pixelink_that_is_added(
    own: StorageRoot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(roots, "READ_EVERY_S", 0.0)
    folder, simulated = roots.ServiceFolder(), add("simulated", "simulated")
    assert folder.root_of(simulated) is not None
    scope = add("scope", "pixelink")
    assert folder.root_of(scope) == {"id": str(own.id), "path": own.path}
    # Its process runs there.
    assert folder.root_of(simulated) is not None


def test_a_session_stays_in_the_root_in_which_it_runs(own: StorageRoot) -> None:
    scope = add("scope", "pixelink")
    session = Session.objects.create(camera=scope, programme={"exposure_us": 1000}, state="running")
    folder = roots.ServiceFolder()
    assert folder.root_of(scope) is None
    Session.objects.filter(pk=session.pk).update(state="finished")
    assert folder.root_of(scope) is not None


def test_after_a_restart_a_session_goes_on_in_the_folder_of_the_service(own: StorageRoot) -> None:
    scope = add("scope", "pixelink")
    Session.objects.create(camera=scope, programme={"exposure_us": 1000}, state="running")
    Path(own.path, spool_folder(str(scope.pk))).mkdir(parents=True)
    assert roots.ServiceFolder().root_of(scope) is not None


@pytest.mark.parametrize("marker", ["", "rubbish"])
def test_a_root_with_a_damaged_marker_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, marker: str) -> None:
    configure(monkeypatch, image_save_path=tmp_path)
    (tmp_path / MARKER).write_text(marker)
    with pytest.raises(UnusableRoot, match="is damaged"):
        roots.ensure_service_root()
    assert not StorageRoot.objects.exists()
