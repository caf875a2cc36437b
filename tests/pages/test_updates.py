"""Which pages may ask the station less often while their socket is open."""

from __future__ import annotations

from tests.harness.project import PROJECT

REPORTED = ("cameras/camera.html", "dashboard.html", "events.html", "sessions/session.html")
"""Templates whose updates contain nothing that `ws/status/` does not report."""


def test_a_page_with_updates_of_its_own_says_whether_the_socket_reports_them() -> None:
    templates = PROJECT / "templates"
    own = {
        str(path.relative_to(templates))
        for path in templates.rglob("*.html")
        if "{% block now %}" in path.read_text() and "{% block pushed %}" not in path.read_text()
    }
    assert own == set(REPORTED)
