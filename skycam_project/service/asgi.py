"""ASGI application of the service part: the routes of `captures.pixelink_service`."""

from __future__ import annotations

import os

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "skycam_project.service.settings"
django.setup(set_prefix=False)

from captures.pixelink_service.captures import MAX_WAITING  # noqa: E402
from captures.pixelink_service.errors import too_busy, too_large  # noqa: E402 - it needs the settings
from skycam_project.request_limits import BodyLimit, RequestLimiter, RequestThreadPool  # noqa: E402
from skycam_project.sqlite_busy_timeout import shorten_busy_timeouts  # noqa: E402
from skycam_project.sync_asgi_handler import SyncASGIHandler  # noqa: E402

shorten_busy_timeouts()
limiter = RequestLimiter(2 * MAX_WAITING, 2 * MAX_WAITING)
"""Each waiting capture holds a thread; twice as many leave threads for other requests."""

application = BodyLimit(RequestThreadPool(SyncASGIHandler(), limiter=limiter, busy=too_busy), too_large, too_busy)
