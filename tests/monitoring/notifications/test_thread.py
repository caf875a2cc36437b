"""The thread of a jobs part that sends: a channel that hangs delays no other, and a kill loses nothing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.utils import timezone

from core.events.service import raise_alert
from monitoring.models import NotificationChannel, NotificationDelivery
from monitoring.notifications.deliveries import claim
from monitoring.notifications.thread import NotificationThread
from tests.harness.far_ends.mail_server import mail_server
from tests.harness.far_ends.webhook_receiver import hang, receiving, status
from tests.harness.rows.notifications import mail_channel, make_due, route_to, webhook_channel
from tests.harness.waiting import PATIENCE_S, eventually

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def thread() -> Iterator[NotificationThread]:
    found = NotificationThread("main", poll_s=0.1)
    yield found
    found.stop(within_s=PATIENCE_S)


def sent() -> int:
    return NotificationDelivery.objects.filter(state="sent").count()


def test_a_mail_that_is_refused_for_now_arrives_later(thread: NotificationThread) -> None:
    with mail_server() as box:
        box.answers = ["451 try again later"]
        route_to(mail_channel(box.port))
        raise_alert("disk.full:main", "The disk is full.", severity="error", camera=None)
        thread.start()
        eventually(lambda: NotificationDelivery.objects.exclude(error="").exists())
        make_due()
        eventually(lambda: sent() == 1)
    assert "The disk is full." in str(box.mails[0]["Subject"])


def test_a_channel_that_hangs_delays_no_other(thread: NotificationThread) -> None:
    with receiving(hang) as stuck, receiving(status(200)) as receiver:
        route_to(webhook_channel(stuck.url, "stuck"), "first", continue_matching=True)
        route_to(webhook_channel(receiver.url, "well"), "second", position=1)
        raise_alert("disk.full:main", "The disk is full.", camera=None)
        thread.start()
        eventually(lambda: stuck.received)
        eventually(lambda: sent() == 1)


def test_what_a_killed_host_was_sending_is_sent_again_once(thread: NotificationThread) -> None:
    with receiving(status(200)) as receiver:
        channel = webhook_channel(receiver.url)
        route_to(channel)
        raise_alert("disk.full:main", "The disk is full.", camera=None)
        claim(channel.pk, "killed")
        NotificationChannel.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
        thread.start()
        eventually(lambda: sent() == 1)
        assert len(receiver.received) == 1
    assert NotificationDelivery.objects.get().tries == 2
