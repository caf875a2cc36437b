"""A worker's tasks keep the database connection of their thread."""

from __future__ import annotations

import pytest
from celery.fixups.django import DjangoWorkerFixup
from django.db import connection

from skycam_project.celery import app, replace_broken_connections


@pytest.mark.django_db(transaction=True)
def test_a_good_connection_serves_the_next_task() -> None:
    connection.ensure_connection()
    kept = connection.connection
    DjangoWorkerFixup(app).close_database()
    replace_broken_connections()
    assert connection.connection is kept
