"""What is attached to this host, for whoever asks. A camera that one of our processes has is not opened again."""

from __future__ import annotations

import logging
import os
import threading
from typing import TYPE_CHECKING, Any

from django.conf import settings

from cameras.control import Answer
from cameras.local_discovery import discover_devices
from cameras.supervision.child import scrubbed_environment

if TYPE_CHECKING:
    from cameras.supervision.post import Post
    from cameras.supervision.supervisor import Supervisor

log = logging.getLogger(__name__)


class Detecting:
    """`_lock` guards who waits and whether a search runs: the Supervisor's thread asks, the search's answers."""

    def __init__(self, supervisor: Supervisor) -> None:
        self.supervisor = supervisor
        self._waiting: list[str] = []
        self._lock = threading.Lock()
        self._looking = False

    def ask(self, command: str) -> None:
        """Returns at once. Who asks while somebody else's search runs is answered by the next one."""
        with self._lock:
            self._waiting.append(command)
            if self._looking:
                return
            threading.Thread(target=self._run, name="detecting", daemon=True).start()
            self._looking = True

    def _run(self) -> None:
        while commands := self._next():
            answer = self._answer()
            for command in commands:
                self.supervisor.answer(command, answer)

    def _next(self) -> list[str]:
        with self._lock:
            commands, self._waiting = self._waiting, []
            self._looking = bool(commands)
            return commands

    def _answer(self) -> Answer:
        try:
            return Answer(ok=True, body=self._look())
        except Exception as error:  # whatever it is, the next search must not wait for this one
            log.exception("Cameras could not be looked for.")
            return Answer(ok=False, problem="failed", detail=f"Cameras could not be looked for: {error}.")

    def _look(self) -> dict[str, Any]:
        held = {post.place: post for post in self.supervisor.posts.values() if post.place and post.child}
        found = discover_devices(scrubbed_environment(settings.STATION.camera_environment), held)
        found["results"] = [self._with_holder(one, held) for one in found["results"]]
        return {"host": self.supervisor.host, **found}

    @staticmethod
    def _with_holder(one: dict[str, str], held: dict[str, Post]) -> dict[str, Any]:
        """`camera`: the slug of ours that has it open."""
        post = held.get(one["address"]) or held.get(os.path.realpath(one["address"]))
        if post is None:
            return {**one, "camera": None}
        identity = post.identity
        known = {"model": identity.get("model") or one["model"], "serial": identity.get("serial") or one["serial"]}
        address = post.wish.address or known["serial"] or one["address"]
        return {**one, **known, "address": address, "held_by": "", "camera": post.wish.slug}
