"""Which storage root new files of a class go to."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.db import IntegrityError, transaction

from captures.roots.models import StorageAssignment, StorageClass, StorageRoot
from captures.roots.roots import (
    UnusableRoot,
    all_roots,
    assign_root,
    assigned_root,
    ensure_default_root,
    is_assigned,
    root_of_class,
    unassign_root,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def images() -> StorageRoot:
    """The root of captures of the host `main`."""
    root = StorageRoot.objects.create(host="main", path="/images")
    assign_root(root, StorageClass.CAPTURES)
    return root


@pytest.fixture
def tapes(images: StorageRoot) -> StorageRoot:
    return StorageRoot.objects.create(host="main", path="/tapes")


@pytest.mark.parametrize("storage_class", StorageClass.values)
def test_a_class_without_an_assignment_uses_the_root_of_captures(images: StorageRoot, storage_class: str) -> None:
    assert root_of_class("main", storage_class) == {"id": str(images.pk), "path": "/images"}


@pytest.mark.parametrize("storage_class", ["clips", "archives", "products"])
def test_an_assigned_class_uses_its_own_root(images: StorageRoot, tapes: StorageRoot, storage_class: str) -> None:
    assign_root(tapes, storage_class)
    assert [assigned_root("main", one) == tapes for one in StorageClass.values].count(True) == 1
    assert assigned_root("main", storage_class) == tapes
    unassign_root("main", storage_class)
    assert assigned_root("main", storage_class) == images


def test_a_host_without_roots_is_refused(images: StorageRoot) -> None:
    assert assigned_root("attic", StorageClass.CLIPS) is None
    with pytest.raises(UnusableRoot, match="The host 'attic' has no storage root"):
        root_of_class("attic", StorageClass.CLIPS)


def test_all_roots_of_a_host_are_those_without_an_assignment_too(images: StorageRoot, tapes: StorageRoot) -> None:
    StorageRoot.objects.create(host="attic", path="/images")
    assert {root["path"] for root in all_roots("main")} == {"/images", "/tapes"}


def test_another_root_replaces_the_one_of_a_class(images: StorageRoot, tapes: StorageRoot) -> None:
    assign_root(tapes, StorageClass.CAPTURES)
    assert is_assigned(images, StorageClass.CAPTURES) is False
    assert is_assigned(tapes, StorageClass.CAPTURES) is True


def test_assigning_a_root_again_writes_nothing(images: StorageRoot, django_assert_num_queries: object) -> None:
    with django_assert_num_queries(1):  # type: ignore[operator]
        assign_root(images, StorageClass.CAPTURES)


@pytest.mark.parametrize("storage_class", ["captures", "tapes"])
def test_the_database_refuses_a_second_root_of_a_class_and_an_unknown_class(
    tapes: StorageRoot, storage_class: str
) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        StorageAssignment.objects.create(host="main", storage_class=storage_class, root=tapes)


def test_a_root_that_moves_to_another_host_is_no_longer_assigned_there(tmp_path: Path) -> None:
    root = ensure_default_root(tmp_path)
    StorageRoot.objects.update(host="attic")
    StorageAssignment.objects.update(host="attic")
    assert ensure_default_root(tmp_path) == root
    assert list(StorageAssignment.objects.values_list("host", "storage_class")) == [("main", "captures")]
