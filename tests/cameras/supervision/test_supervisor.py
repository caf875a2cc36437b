"""The Supervisor with a camera process, its threads in the test's hand."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest

from cameras.supervision.ladder import Restarts
from cameras.supervision.post import Post
from cameras.supervision.supervisor import Supervisor
from captures.models import Session
from tests.api.builders import until
from tests.cameras.supervision.records import lay_end
from tests.faults.ledger import Archive

pytestmark = pytest.mark.django_db


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive(tmp_path)


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    supervisor = Supervisor()
    supervisor.run_folder = tmp_path
    yield supervisor
    for post in supervisor.posts.values():
        if post.child:
            post.child.kill()
            post.child.wait(10)
            post.child.finish()


def with_session(supervisor: Supervisor, archive: Archive, session: Session) -> Post:
    wish = dataclasses.replace(archive.wish(), session=archive.order(session))
    post = supervisor.posts[wish.id] = Post(wish, Restarts())
    return post


def take_in(supervisor: Supervisor, post: Post, records: list[str]) -> None:
    for record in records:
        supervisor.ledger.take(post.wish, record, "")
    supervisor.ledger._do()


def test_a_session_whose_end_is_taken_in_while_its_process_starts_does_not_begin_again(
    archive: Archive, supervisor: Supervisor
) -> None:
    session = archive.session(cadence_s=0.1)
    told = lay_end(archive, str(session.pk))
    post = with_session(supervisor, archive, session)
    supervisor._start(post)
    take_in(supervisor, post, told)
    assert post.child is not None
    until(lambda: post.child and post.child.state.get("observed") == "ready")
    supervisor.ledger._do()  # hears of the recovery
    supervisor.ledger._do()  # and takes in what it found
    assert (post.child.state["session"], archive.wrongs()) == (None, [])


def test_a_session_whose_end_was_taken_in_before_its_process_starts_is_no_wish_any_more(
    archive: Archive, supervisor: Supervisor
) -> None:
    session = archive.session(cadence_s=0.1)
    post = with_session(supervisor, archive, session)
    take_in(supervisor, post, lay_end(archive, str(session.pk)))
    supervisor._start(post)
    assert post.child is not None
    assert (post.child.spec["session"], list(archive.spool.glob("session-*"))) == (None, [])
