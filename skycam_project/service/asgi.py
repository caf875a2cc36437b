"""What the service part serves: the routes of `captures.pixelink_service`."""

from __future__ import annotations

import os

import django

from skycam_project.pooled_threads import PooledThreads

os.environ["DJANGO_SETTINGS_MODULE"] = "skycam_project.service.settings"
django.setup(set_prefix=False)

from captures.pixelink_service.errors import too_large  # noqa: E402 - it needs the settings
from skycam_project.body_limit import BodyLimit  # noqa: E402
from skycam_project.one_hop import OneHopHandler  # noqa: E402

application = BodyLimit(PooledThreads(OneHopHandler()), too_large)
