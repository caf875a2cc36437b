"""A manager as the admin knows one, and rows that its lists show."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from django.test import Client

    from captures.models import Clip


@pytest.fixture
def boss(db: None) -> Client:
    """The session of the manager `boss`, who is staff as every manager is."""
    from django.test import Client

    from skycam_project.access.models import User

    client = Client()
    user = User.objects.create_user("boss", role="manager", is_staff=True, is_superuser=True)
    client.force_login(user)
    return client


@pytest.fixture
def clips(camera: Any, root: Any) -> list[Clip]:
    """Three clips with files, a minute apart, the newest first."""
    from datetime import timedelta

    from tests.harness.rows.clips import STARTED, clip_of

    return [clip_of(camera, root, STARTED - timedelta(minutes=number)) for number in range(3)]
