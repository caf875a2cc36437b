"""Outcomes of captures that no spool will ever tell of: overdue, or lost with their process."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from cameras import broker
from cameras.broker import BrokerDown
from cameras.control import Answer
from cameras.runtime.spool import Record
from cameras.supervision.ingest import Opened
from cameras.supervision.wishes import Wish
from cameras.tables import VERDICTS, resolve

if TYPE_CHECKING:
    from cameras.supervision.post import Post
    from cameras.supervision.supervisor import Supervisor

log = logging.getLogger(__name__)
GRACE_MS = 2000
"""What a command that was accepted just before its deadline may still need to reach its process."""


class Verdicts:
    """On the ledger's thread, but for `is_settled`. A database that is away raises DatabaseError."""

    def __init__(self, supervisor: Supervisor) -> None:
        self.supervisor = supervisor

    def is_settled(self, capture: str) -> bool:
        """Whether this id has its outcome already. On any thread."""
        return bool(resolve(VERDICTS["settled"])(capture))

    def on_overdue(self, wishes: dict[str, Wish]) -> None:
        """Planned rows beyond their deadline that no spool knows. A living process is asked to let go first.

        The deadlines are in the broker's time: while it is away nothing is overdue."""
        try:
            with broker.reachable() as server:
                now_ms = broker.time_ms(server)
        except BrokerDown:
            return
        for camera, capture in resolve(VERDICTS["overdue"])(self.supervisor.host, now_ms - GRACE_MS):
            wish, post = wishes.get(camera), self.supervisor.posts.get(camera)
            if wish is None or (post and any(sent.get("id") == capture for sent in post.outstanding.values())):
                self._withdraw(post, capture)
            elif leaves_no_trace(wish, capture):
                self._verdict(capture, "not_started", "The command did not reach the camera before its deadline.")

    def _withdraw(self, post: Post | None, capture: str) -> None:
        if post and post.child:
            post.child.send({"type": "withdraw", "id": capture})

    def settle(self, capture: str, reason: str, message: str, command: str, content: Answer) -> None:
        self._verdict(capture, reason, message)
        self.supervisor.answer(command, content)

    def _verdict(self, capture: str, reason: str, message: str) -> None:
        resolve(VERDICTS["capture"])(capture, reason, message)

    def on_lost(self, post: Post, outstanding: dict[str, Any]) -> None:
        """Captures whose process ended before it planned them. The order of the three questions matters: nobody
        writes a trace of what is gone, and a trace that is gone has become an outcome."""
        for command, sent in outstanding.items():
            gone = post.child is None or post.child.started > sent["handed"]
            if "id" in sent and gone and command in post.outstanding and leaves_no_trace(post.wish, sent["id"]):
                self._lost_before_the_plan(post, command, sent["id"])

    def _lost_before_the_plan(self, post: Post, command: str, capture: str) -> None:
        if self.is_settled(capture):
            self.supervisor.answer(command, told(None))
        else:
            detail = f"The process of {post.wish.slug} ended before this capture began."
            content = Answer(ok=False, problem="camera-not-reachable", reason="not_started", detail=detail)
            self.settle(capture, "not_started", detail, command, content)
        post.outstanding.pop(command, None)


def told(record: Record | None) -> Answer:
    """The record itself, so that the caller need not read it from the database; null when it was set aside."""
    return Answer(ok=True, body={"record": record})


def leaves_no_trace(wish: Wish, capture: str) -> bool:
    """Whether no spool knows of it. False where it cannot be read, or its root is not mounted: it may well know."""
    try:
        with Opened(wish) as ingest:
            return ingest.is_on(wish.root) and not ingest.spool.has_trace(capture)
    except OSError as error:
        log.error("The spool of %s cannot be asked for %s: %s", wish.slug, capture, error)
        return False
