"""What the camera processes say, each on its reader's thread."""

from __future__ import annotations

import functools
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from cameras.control import Answer
from cameras.supervision.child import CameraChild
from cameras.supervision.ledger import OVER, STORAGE_ALERTS, Ledger
from cameras.supervision.post import Post
from cameras.supervision.unfiled import REJECTED

if TYPE_CHECKING:
    from cameras.supervision.supervisor import Supervisor
WISHED = "wished-"
"""Before a session's id: the command of a wish that nobody waits for. Its answer is heard here and goes no further."""


class Hearing:
    def __init__(self, supervisor: Supervisor) -> None:
        self.supervisor = supervisor

    @property
    def ledger(self) -> Ledger:
        return self.supervisor.ledger

    def hear(self, child: CameraChild, message: dict[str, Any]) -> None:
        post = next((post for post in list(self.supervisor.posts.values()) if post.child is child), None)
        if post is None:
            post = self.supervisor.posts[child.spec["camera"]]
        hear = getattr(self, f"_hear_{message['type']}", None)
        if hear is not None:
            hear(post, child, message)

    def _hear_observed(self, post: Post, child: CameraChild, message: dict[str, Any]) -> None:
        child.observed = (message["observed"], message["reason"])
        self.supervisor.observe(post, *child.observed)

    def _hear_opened(self, post: Post, child: CameraChild, message: dict[str, Any]) -> None:
        post.identity, post.place = message["identity"], message["place"]
        device = self.supervisor.bus.at(post.place) if post.place else None
        post.usb = device.identity if device else None
        known = {"usb": asdict(post.usb)} if post.usb else {}
        self.ledger.opened(post.wish.id, {**message["identity"], **known}, message["capabilities"])

    def _hear_faults(self, post: Post, child: CameraChild, message: dict[str, Any]) -> None:
        """Its next process begins with what is left of its faults."""
        post.faults, struck = message["faults"], message["struck"]
        if struck and struck not in post.faults:
            text = f"The fault {struck} of {post.wish.slug} was used up."
            self.ledger.event("camera.faults", text, "warning", post.wish.slug, {"faults": post.faults})

    def _hear_settings(self, post: Post, child: CameraChild, message: dict[str, Any]) -> None:
        self.ledger.read_back(post.wish.id, post.wish.slug, message)

    def _hear_ladder(self, post: Post, child: CameraChild, message: dict[str, Any]) -> None:
        data = {"step": message["step"], "reason": message["reason"]}
        text = f"{message['step']}: {message['message']}"
        self.ledger.event("camera.ladder", text, "warning", post.wish.slug, data)

    def _hear_log(self, post: Post, child: CameraChild, message: dict[str, Any]) -> None:
        self.ledger.event(message["kind"], message["message"], message["level"], post.wish.slug, {})
        if message["kind"] in STORAGE_ALERTS:
            self.ledger.alert(f"{message['kind']}:{post.wish.root}", message["message"], "critical", post.wish.slug)
        elif message["kind"] == REJECTED:
            self.ledger.alert(f"{REJECTED}:{post.wish.slug}", message["message"], "error", post.wish.slug)
        elif message["kind"] in OVER:
            self.ledger.resolve(f"{OVER[message['kind']]}:{post.wish.root}")

    def _hear_alert(self, post: Post, child: CameraChild, message: dict[str, Any]) -> None:
        """Something that its recorder says, or with no message that it is over."""
        if message["message"]:
            post.alerts.add(message["key"])
            self.ledger.alert(message["key"], message["message"], "critical", post.wish.slug)
        else:
            post.alerts.discard(message["key"])
            self.ledger.resolve(message["key"])

    def _hear_recovered(self, post: Post, child: CameraChild, message: dict[str, Any]) -> None:
        if post.child is child:
            post.recovers = False
        self.ledger.recovered(post, message)

    def _hear_spooled(self, post: Post, child: CameraChild, message: dict[str, Any]) -> None:
        command = message.get("command_id", "")
        post.outstanding.pop(command, None)
        self.ledger.take(post.wish.of_clips if message.get("part") else post.wish, message["id"], command)

    def _hear_answer(self, post: Post, child: CameraChild, message: dict[str, Any]) -> None:
        if message["command_id"].startswith(WISHED):
            self._hear_of_wish(message)
            return
        post.outstanding.pop(message["command_id"], None)
        if "recorder" in message.get("body", {}):
            child.state["recorder"] = message["body"]["recorder"]
            self.supervisor.herald.tell(post)
        content = Answer(ok=message["ok"])
        for name in ("body", "problem", "reason", "detail"):
            if name in message:
                content[name] = message[name]
        if message.get("unstarted") and "id" in message:
            self.ledger.settle(message["id"], message["reason"], message["detail"], message["command_id"], content)
        else:
            answer = functools.partial(self.supervisor.answer, message["command_id"], content)
            self.ledger.after_what_was_spooled(answer)

    def _hear_of_wish(self, message: dict[str, Any]) -> None:
        """A session that the camera would not begin must not stay planned. Where the root is not there, the process
        keeps the wish for when it is."""
        kept = message.get("problem") == "camera-not-reachable" and message["reason"] in {"root_missing", "write_error"}
        if not message["ok"] and not kept:
            session = message["command_id"].removeprefix(WISHED)
            self.ledger.refused(session, message["reason"], message["detail"])
