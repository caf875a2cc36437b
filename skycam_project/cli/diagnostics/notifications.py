"""Whether alerts reach someone: the notification channels, and the routes to them."""

from __future__ import annotations

from collections.abc import Iterator
from shlex import quote

from core.text.plurals import pluralize
from skycam_project.cli.diagnostics.finding import BROKEN, OK, WARNING, Finding
from skycam_project.cli.station import Station


def notifications(_station: Station) -> Iterator[Finding]:
    """A finding for each channel that fails; a warning if no alert reaches anyone."""
    from core.station_zone import site_time_text
    from monitoring.models import NotificationChannel, NotificationRoute

    enabled = NotificationChannel.objects.filter(enabled=True)
    for channel in enabled.order_by("name"):
        if channel.failing_since is None:
            continue
        detail = f"{channel.name} ({channel.kind}) has failed since {site_time_text(channel.failing_since)}."
        yield Finding(
            "notifications", BROKEN, detail, f"Look at its last error: skycam notifications test {quote(channel.name)}"
        )
    if not NotificationRoute.objects.filter(enabled=True, channel__in=enabled).exists():
        detail = "No alert reaches anyone: there is no enabled channel with a route."
        yield Finding(
            "notifications", WARNING, detail, "Add one on the page Notifications, or: skycam notifications add"
        )
    else:
        yield Finding("notifications", OK, f"{pluralize(enabled.count(), 'notification channel')}.")
