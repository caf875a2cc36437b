"""An IPv6 address with a zone is refused by its name wherever a host is written."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.core.exceptions import ValidationError

from captures.storage.offsite.destinations.settings import S3Settings, SftpSettings
from captures.storage.offsite.services import check_place
from monitoring.notifications.channels.http import NtfySettings
from monitoring.notifications.channels.mail import MailSettings
from monitoring.notifications.channels.mqtt import MqttSettings
from monitoring.notifications.services import check_address
from monitoring.webhooks.services import check_url

HOST = "fe80::1%eth0"
URL = f"http://[{HOST}]:8000"


@pytest.mark.parametrize(
    "check",
    [
        lambda: check_address(MailSettings(host=HOST, sender="sky@example.org", recipients=["anna@example.org"])),
        lambda: check_address(MqttSettings(host=HOST)),
        lambda: check_address(NtfySettings(server=URL, topic="sky")),
        lambda: check_url(URL),
        lambda: check_place(S3Settings(endpoint=URL, bucket="copies", access_key="anna")),
        lambda: check_place(SftpSettings(host=HOST, user="anna")),
    ],
    ids=["mail", "mqtt", "ntfy", "webhook", "s3", "sftp"],
)
def test_an_ipv6_zone_is_named(check: Callable[[], object]) -> None:
    with pytest.raises(ValidationError, match="The address has an IPv6 zone, the part from % on"):
        check()
