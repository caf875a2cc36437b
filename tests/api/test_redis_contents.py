"""The station treats the contents of Redis as data: someone who can write there runs no code in the web process."""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.cache import cache
from kombu.exceptions import ContentDisallowed
from kombu.serialization import loads

from skycam_project.access.models import User
from skycam_project.celery import app

BODY = {"username": "ada", "password": "analytical engine"}


class PickledCode:
    """Touches a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.mkdir, (str(self.path),)


@pytest.fixture
def ada(db: None) -> User:
    return User.objects.create_user(username="ada", password="analytical engine", role="operator")


def write_to_cache(valkey: Any, value: bytes) -> int:
    """Write the value into every entry of the cache; returns their number."""
    keys = list(valkey.scan_iter(f"{settings.STATION.station.id}:cache:*"))
    [valkey.set(key, value) for key in keys]
    return len(keys)


def test_a_pickle_planted_where_sign_ins_are_counted_does_not_run(
    anonymous: Any, ada: User, valkey: Any, tmp_path: Path
) -> None:
    assert anonymous.post("/api/v1/auth/token/", BODY).status_code == 200
    assert write_to_cache(valkey, pickle.dumps([PickledCode(tmp_path / "ran")])) > 0
    assert anonymous.post("/api/v1/auth/token/", BODY).status_code == 200
    assert not (tmp_path / "ran").exists()


def test_cached_values_are_read_back_unchanged(valkey: Any) -> None:
    cache.set("kept", {"tries": [1.5, 2], "of": None})
    cache.set("count", 1)
    assert cache.get("kept") == {"tries": [1.5, 2], "of": None}
    assert cache.incr("count") == 2
    assert cache.get("count") == 2


def test_values_without_a_json_type_are_not_cached(valkey: Any) -> None:
    with pytest.raises(TypeError):
        cache.set("object", object())


def test_celery_accepts_only_json(tmp_path: Path) -> None:
    assert list(app.conf.accept_content) == ["json"]
    with pytest.raises(ContentDisallowed):
        loads(pickle.dumps(PickledCode(tmp_path / "ran")), "application/x-python-serialize", "binary", accept=["json"])
    assert not (tmp_path / "ran").exists()
