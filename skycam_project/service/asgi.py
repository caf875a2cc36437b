"""ASGI application of the service part: the routes of `captures.pixelink_service`."""

from __future__ import annotations

import os

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "skycam_project.service.settings"
django.setup(set_prefix=False)

from captures.pixelink_service.captures import MAX_WAITING  # noqa: E402
from captures.pixelink_service.errors import too_busy, too_large  # noqa: E402 - it needs the settings
from skycam_project.body_limit import BodyLimit  # noqa: E402
from skycam_project.busy_database import answer_soon  # noqa: E402
from skycam_project.one_hop import OneHopHandler  # noqa: E402
from skycam_project.pooled_threads import PooledThreads  # noqa: E402
from skycam_project.request_places import RequestPlaces  # noqa: E402

answer_soon()
places = RequestPlaces(2 * MAX_WAITING, 2 * MAX_WAITING)
"""Each waiting capture holds a thread; twice as many leave threads for other requests."""

application = BodyLimit(PooledThreads(OneHopHandler(), places=places, busy=too_busy), too_large, too_busy)
