"""The migration of audiences, events and alerts from before cameras could be restricted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import Any

import pytest
from django.db import connection
from django.db.migrations.loader import MigrationLoader

from cameras.models import Camera
from core.events.models import Alert, Event
from skycam_project.access.models import User

pytestmark = pytest.mark.django_db
migration: Any = import_module("cameras.migrations.0008_audiences_are_restrictions")
NOW = datetime(2026, 11, 20, 20, tzinfo=UTC)


def camera(slug: str, hours_ago: int, *, removed: bool = False) -> Camera:
    return Camera.objects.create(
        slug=slug, name=slug, kind="simulated", host="main", created_at=NOW - timedelta(hours=hours_ago),
        removed_at=NOW if removed else None,
    )  # fmt: skip


@pytest.fixture
def then() -> Any:
    """The models as a migration has them, with the columns of the present schema."""
    return MigrationLoader(connection).project_state().apps


def test_a_camera_with_an_audience_becomes_restricted_and_no_other(then: Any) -> None:
    listed, unlisted = camera("attic", 1), camera("sky", 1)
    listed.audience.add(User.objects.create_user("ben", role="viewer"))
    migration.restrict(then, None)
    assert list(Camera.objects.filter(restricted=True)) == [listed]
    assert unlisted.slug == "sky"


def test_events_and_alerts_get_the_camera_that_had_their_slug_then(then: Any) -> None:
    old, new = camera("sky", 9, removed=True), camera("sky", 3)
    for hours_ago in (5, 1):
        at = NOW - timedelta(hours=hours_ago)
        Event.objects.create(kind="camera.state", message="A change.", camera="sky", at=at)
        Alert.objects.create(key=f"x:{hours_ago}", message="Check it.", camera="sky", opened_at=at)
    Event.objects.create(kind="user.denied", message="Of no camera.", at=NOW)
    migration.name_cameras(then, None)
    found = [
        list(model.objects.order_by(at).values_list("camera_uuid", flat=True))
        for model, at in ((Event, "at"), (Alert, "opened_at"))
    ]
    assert found == [[str(old.pk), str(new.pk), ""], [str(old.pk), str(new.pk)]]
