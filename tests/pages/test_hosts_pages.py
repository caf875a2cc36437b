"""The pages of hosts: who sees what, and the forms."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from cameras.models import Camera, CameraHost, HostInvitation
from tests.harness.clients.pages import text_of

pytestmark = pytest.mark.django_db
FORM = {
    "name": "roof", "url": "http://10.0.0.1:8080", "database_url": "postgresql://u:pw@10.0.0.2/sky",
    "redis_url": "rediss://:pw@10.0.0.2:6379/0",
}  # fmt: skip


def sent(client: APIClient, page: str, form: dict[str, str]) -> Any:
    """As a browser sends a form."""
    return client.post(page, form, format="multipart")


@pytest.fixture
def roof(db: None) -> CameraHost:
    return CameraHost.objects.create(
        name="roof", address="10.0.0.9", leased_until=timezone.now() - timedelta(hours=1), clock_offset_s=0.003
    )


def test_the_list_has_each_host_and_its_clock(viewer: APIClient, roof: CameraHost) -> None:
    page = text_of(viewer.get("/hosts/"))
    assert 'href="/hosts/roof/"' in page
    assert "+3 ms" in page


def test_a_viewer_sees_neither_invitations_nor_addresses(viewer: APIClient, roof: CameraHost) -> None:
    assert "Invite a machine" not in text_of(viewer.get("/hosts/"))
    assert "10.0.0.9" not in text_of(viewer.get("/hosts/roof/"))
    assert sent(viewer, "/hosts/", FORM).status_code == 403


def test_the_line_is_shown_once(manager: APIClient) -> None:
    answer = sent(manager, "/hosts/", FORM)
    assert "skycam join skycam1:" in text_of(answer)
    assert answer.headers["Cache-Control"] == "no-store"
    assert "skycam1:" not in text_of(manager.get("/hosts/"))


def test_a_refused_invitation_says_what_to_set(manager: APIClient) -> None:
    answer = sent(manager, "/hosts/", {"name": "roof"})
    assert answer.status_code == 400
    assert "SQLite" in text_of(answer)
    assert sent(manager, "/hosts/", {**FORM, "database_url": "sqlite:///x"}).status_code == 400
    assert not HostInvitation.objects.exists()


def test_an_invitation_is_withdrawn(manager: APIClient) -> None:
    sent(manager, "/hosts/", FORM)
    manager.post(f"/hosts/invitations/{HostInvitation.objects.get().pk}/withdraw/")
    assert HostInvitation.objects.get().withdrawn_by


def test_a_host_is_drained_after_a_question_and_everywhere_shown(manager: APIClient, camera: Camera) -> None:
    CameraHost.objects.create(name=camera.host)
    assert "Drain" in text_of(manager.get(f"/hosts/{camera.host}/drain/"))
    manager.post(f"/hosts/{camera.host}/drain/")
    assert "drains this host" in text_of(manager.get(f"/hosts/{camera.host}/"))
    assert "is drained" in text_of(manager.get(f"/cameras/{camera.slug}/"))
    assert "Drained" in text_of(manager.get("/status/"))
    sent(manager, f"/hosts/{camera.host}/drain/", {"undo": "yes"})
    assert "is drained" not in text_of(manager.get(f"/cameras/{camera.slug}/"))


@pytest.mark.usefixtures("empty_broker")
def test_a_host_is_retired_with_an_answer_about_its_files(manager: APIClient, roof: CameraHost) -> None:
    assert sent(manager, "/hosts/roof/retire/", {}).status_code == 400
    sent(manager, "/hosts/roof/retire/", {"its_files": "keep"})
    roof.refresh_from_db()
    assert roof.retired_files == "keep"


def test_an_unknown_host_is_not_there(manager: APIClient) -> None:
    assert manager.get("/hosts/nowhere/").status_code == 404
