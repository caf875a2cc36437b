"""The captures that the service lists, without a station."""

from __future__ import annotations

from cameras.models import Camera
from captures.models import StorageRoot
from captures.pixelink_service.captures import list_captures
from captures.pixelink_service.served_camera import ACTOR
from captures.roots.roots import assign_root
from tests.harness.rows.captures import file_of, saved


def test_pictures_that_others_have_taken_are_not_listed(camera: Camera, root: StorageRoot) -> None:
    assign_root(root, "captures")
    dome = Camera.objects.create(slug="dome", name="Dome", kind="simulated", host=camera.host, restricted=True)
    for name, source, actor in [("own", camera, ACTOR), ("annas", camera, "anna"), ("hidden", dome, "anna")]:
        file_of(saved(source, requested_by=actor), root, f"captures/{source.slug}/{name}.jpg")
    found = list_captures(camera, limit=10)
    assert [file.filename for file in found.files] == ["own.jpg"]
    assert found.count == 1
