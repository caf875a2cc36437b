"""What a mail has attached: the newest picture of the alert's camera, or the report of a night."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest

from cameras.models import Camera
from captures.files.addresses import NOTIFICATION_SIZE, newest_thumbnail
from captures.models import CaptureFile
from captures.thumbnails.store import ThumbnailStore
from core.events.service import raise_alert, record_event
from monitoring.notifications.sending import MAX_ATTACHMENT
from scheduler.reports.nightly import file_of
from tests.harness.clients.people import jpeg
from tests.harness.far_ends.mail_server import MailReceiver, mail_server
from tests.harness.rows.notifications import mail_channel, route_to, send_due

pytestmark = pytest.mark.django_db
NIGHT = date(2026, 11, 22)


@pytest.fixture
def box() -> Iterator[MailReceiver]:
    with mail_server() as found:
        yield found


@pytest.fixture
def thumbnail(file: CaptureFile) -> bytes:
    content = jpeg()
    with ThumbnailStore(file.root.path) as store:
        store.write_thumbnail(file.sha256, NOTIFICATION_SIZE, content)
    return content


@pytest.fixture
def report(settings: Any, tmp_path: Any) -> Iterator[str]:
    path = file_of(NIGHT)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("<p>120 of 120</p>")
    yield path.read_text()
    path.unlink()


def attached(box: MailReceiver) -> list[tuple[str | None, Any]]:
    return [(part.get_filename(), part.get_content()) for part in box.mails[0].iter_attachments()]


def test_an_alert_of_a_camera_has_its_newest_picture(box: MailReceiver, file: CaptureFile, thumbnail: bytes) -> None:
    route_to(mail_channel(box.port))
    raise_alert("camera.quarantined:sky", "Check the camera.", camera=file.capture.camera)
    send_due()
    assert attached(box) == [("picture.jpg", thumbnail)]


def test_an_alert_about_a_sensor_has_the_newest_picture_of_the_primary_camera(
    box: MailReceiver, file: CaptureFile, thumbnail: bytes
) -> None:
    route_to(mail_channel(box.port))
    raise_alert("rule:hot:balcony:t", "balcony:t is 31 °C.", data={"site_picture": True}, camera=None)
    send_due()
    assert attached(box) == [("picture.jpg", thumbnail)]


def test_an_alert_about_the_station_has_no_picture(box: MailReceiver, file: CaptureFile, thumbnail: bytes) -> None:
    route_to(mail_channel(box.port))
    raise_alert("rule:disk-low:main", "The disk is nearly full.", data={"site_picture": False}, camera=None)
    send_due()
    assert attached(box) == []


def test_a_restricted_primary_camera_shows_nothing(box: MailReceiver, file: CaptureFile, thumbnail: bytes) -> None:
    Camera.objects.update(restricted=True)
    route_to(mail_channel(box.port))
    raise_alert("rule:hot:balcony:t", "balcony:t is 31 °C.", data={"site_picture": True}, camera=None)
    send_due()
    assert attached(box) == []


def test_a_route_may_want_no_picture(box: MailReceiver, file: CaptureFile, thumbnail: bytes) -> None:
    route_to(mail_channel(box.port), attach_picture=False)
    raise_alert("camera.quarantined:sky", "Check the camera.", camera=file.capture.camera)
    send_due()
    assert attached(box) == []


def test_a_camera_without_a_thumbnail_has_no_picture(file: CaptureFile) -> None:
    assert newest_thumbnail(str(file.capture.camera_id)) is None


@pytest.mark.parametrize("fault", [OSError("the disk is gone"), b"x" * (MAX_ATTACHMENT + 1)])
def test_a_picture_that_cannot_be_attached_does_not_stop_the_mail(
    fault: Any, box: MailReceiver, camera: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("captures.files.addresses.newest_thumbnail", answering(fault))
    route_to(mail_channel(box.port))
    raise_alert("camera.quarantined:sky", "Check the camera.", camera=camera)
    send_due()
    assert (len(box.mails), attached(box)) == (1, [])


def answering(fault: Any) -> Any:
    def answer(_camera: str) -> Any:
        if isinstance(fault, OSError):
            raise fault
        return fault

    return answer


def test_the_report_of_a_night_is_attached(box: MailReceiver, report: str) -> None:
    route_to(mail_channel(box.port), night_reports=True)
    record_event(
        "night.reported", "120 of 120 captures.", subject=NIGHT, data={"night": NIGHT.isoformat()}, camera=None
    )
    send_due()
    [(name, content)] = attached(box)
    assert (name, "120 of 120" in str(content)) == ("night-2026-11-22.html", True)
