"""Which camera the service serves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import OperationalError, connection

from cameras import leases
from cameras.models import Camera
from cameras.runtime.storage import MARKER
from captures.models import StorageRoot
from captures.pixelink_service import served
from captures.pixelink_service.served import NotConnected, found_camera, served_camera
from captures.storage import roots

pytestmark = pytest.mark.django_db


def configure(monkeypatch: pytest.MonkeyPatch, **values: object) -> None:
    service = settings.STATION.service.model_copy(update=values)
    monkeypatch.setattr(settings, "STATION", settings.STATION.model_copy(update={"service": service}))


def add(slug: str, kind: str, **fields: object) -> Camera:
    return Camera.objects.create(slug=slug, name=slug, kind=kind, host=settings.STATION.host, **fields)


def found() -> str | None:
    camera = found_camera()
    return camera.slug if camera else None


def test_without_any_other_it_is_the_simulated_camera() -> None:
    add("dslr", "gphoto2")
    add("simulated", "simulated")
    assert found() == "simulated"


def test_the_first_pixelink_goes_before_the_simulated_one() -> None:
    [add(slug, kind) for slug, kind in (("simulated", "simulated"), ("scope-b", "pixelink"), ("scope-a", "pixelink"))]
    assert found() == "scope-b"


@pytest.mark.parametrize("fields", [{"address": "777"}, {"identity": {"serial": "777"}}])
def test_a_serial_number_names_a_pixelink(monkeypatch: pytest.MonkeyPatch, fields: dict[str, object]) -> None:
    configure(monkeypatch, camera_serial_number="777")
    add("first", "pixelink", address="111")
    add("second", "pixelink", **fields)
    assert found() == "second"


def test_a_serial_number_that_no_camera_has_is_not_simulated(monkeypatch: pytest.MonkeyPatch) -> None:
    configure(monkeypatch, camera_serial_number="777")
    add("simulated", "simulated")
    with pytest.raises(NotConnected, match="No PixeLink camera has the serial number '777'"):
        served_camera()


def test_a_name_goes_before_all(monkeypatch: pytest.MonkeyPatch) -> None:
    configure(monkeypatch, camera="dslr", camera_serial_number="777")
    add("scope", "pixelink", address="777")
    add("dslr", "gphoto2")
    assert found() == "dslr"


def test_a_name_that_no_camera_has_is_not_simulated(monkeypatch: pytest.MonkeyPatch) -> None:
    configure(monkeypatch, camera="scope")
    add("simulated", "simulated")
    with pytest.raises(NotConnected, match="There is no camera 'scope'"):
        served_camera()


def test_the_defaults_are_wished_where_nobody_has_wished_for_another(monkeypatch: pytest.MonkeyPatch) -> None:
    configure(monkeypatch, default_exposure=5000, default_gain=2.0)
    monkeypatch.setattr(served, "_greeted", set())
    camera = add("simulated", "simulated", settings={"gain": 3.0})
    served_camera()
    camera.refresh_from_db()
    assert camera.settings == {"gain": 3.0, "exposure_us": 5000}


def test_the_defaults_wait_until_whoever_holds_the_camera_lets_it_go(monkeypatch: pytest.MonkeyPatch) -> None:
    configure(monkeypatch, default_gain=2.0)
    monkeypatch.setattr(served, "_greeted", set())
    camera = leases.acquire_lease(add("simulated", "simulated"), "anna")
    assert "gain" not in served_camera().settings
    leases.release_lease(camera, "anna")
    served_camera()
    assert Camera.objects.get().settings["gain"] == 2.0


def test_what_was_wished_since_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    configure(monkeypatch, default_exposure=5000)
    monkeypatch.setattr(served, "_greeted", set())
    camera = add("simulated", "simulated", settings={"exposure_us": 7})
    served_camera()
    camera.refresh_from_db()
    assert camera.settings == {"exposure_us": 7}


def test_a_wish_of_the_same_moment_is_not_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    configure(monkeypatch, default_exposure=100_000, default_gain=1.5)
    as_read = add("simulated", "simulated")
    Camera.objects.update(settings={"exposure_us": 5000})
    served.wish_defaults(as_read)
    assert Camera.objects.get().settings == {"exposure_us": 5000, "gain": 1.5}


def test_the_defaults_are_wished_once_the_database_is_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(served, "_greeted", set())
    configure(monkeypatch, default_exposure=100_000)
    add("simulated", "simulated")
    with connection.execute_wrapper(refuse_changes), pytest.raises(OperationalError):
        served_camera()
    served_camera()
    assert Camera.objects.get().settings == {"exposure_us": 100_000}


def refuse_changes(execute: Any, sql: str, *rest: Any) -> Any:
    if sql.startswith("UPDATE"):
        raise OperationalError("database is locked")
    return execute(sql, *rest)


def test_its_pictures_have_a_root_of_their_own(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    configure(monkeypatch, image_save_path=tmp_path / "captures")
    roots._served_first.cache_clear()
    served_one, other = add("simulated", "simulated"), add("second", "simulated")
    own = roots.ensure_service_root()
    assert own is not None
    assert roots.own_root(served_one) == {"id": str(own.id), "path": str(tmp_path / "captures")}
    assert (roots.own_root(other), roots.ensure_service_root()) == (None, own)
    roots._served_first.cache_clear()


@pytest.mark.parametrize("marker", ["", "rubbish"])
def test_a_root_with_a_damaged_marker_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, marker: str) -> None:
    configure(monkeypatch, image_save_path=tmp_path)
    (tmp_path / MARKER).write_text(marker)
    with pytest.raises(roots.UnusableRoot, match="is damaged"):
        roots.ensure_service_root()
    assert not StorageRoot.objects.exists()
