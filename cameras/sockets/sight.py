"""What a visitor may see just now: asked of the database when a socket opens, and again every two seconds."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any, Protocol

from channels.db import database_sync_to_async
from django.db import Error

from cameras.selectors import cameras_for
from cameras.status import desired
from core.background import count_failure, log_and_continue, start_background_task

log = logging.getLogger(__name__)
LOOK_EVERY_S = 2.0
SIGNED_OUT, NO_ROLE, NO_CAMERA, TRY_LATER = 4401, 4403, 4404, 1013


class Visitor(Protocol):
    """Who asks, by what they showed. Hashable, so that one look serves all sockets of one sign-in."""

    needs_origin: bool

    def user(self) -> Any:
        """The user as the database has them now; None when they may not come in (any more)."""

    def __hash__(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Sight:
    """`cameras` is slug -> desired. `code` and `reason` say why a socket is closed; 0 where it is not."""

    code: int = 0
    reason: str = ""
    cameras: dict[str, str] = field(default_factory=dict)
    user: str = ""

    def of_camera(self, slug: str) -> Sight:
        """The same, for a socket that is about one camera. One that may not be seen does not exist."""
        if self.code or slug in self.cameras:
            return self
        return Sight(NO_CAMERA, f"There is no camera {slug[:40]}.")


def look(visitor: Visitor) -> Sight:
    user = visitor.user()
    if user is None:
        return Sight(SIGNED_OUT, "Sign in first, or again.")
    if not user.may("viewer"):
        return Sight(NO_ROLE, "This needs the role viewer. Ask a manager.")
    return Sight(cameras={camera.slug: desired(camera) for camera in cameras_for(user)}, user=user.get_username())


def look_or_refuse(visitor: Visitor) -> Sight:
    """Rights that cannot be determined are none, and one visitor's error ends no other's view. Error when the database
    is away."""
    try:
        return look(visitor)
    except Error:
        raise
    except Exception as error:  # noqa: BLE001 - logged and counted
        count_failure("rights check", error)
        return Sight(TRY_LATER, "The station could not check what you may see. Its log says more. Try again.")


async def look_at_all(visitors: Collection[Visitor]) -> dict[Visitor, Sight]:
    def on_its_thread() -> dict[Visitor, Sight]:
        return {visitor: look_or_refuse(visitor) for visitor in visitors}

    found: dict[Visitor, Sight] = await database_sync_to_async(on_its_thread)()
    return found


class Watcher(Protocol):
    """What is told of a new sight, when it has changed or not."""

    visitor: Visitor

    def see(self, sight: Sight) -> None: ...


class Lookout:
    """Looks for all watchers of one event loop together; runs only while there are any."""

    def __init__(self) -> None:
        self._watchers: set[Watcher] = set()
        self._task: asyncio.Task[None] | None = None

    async def first(self, visitor: Visitor) -> Sight:
        """A look of its own, when something opens. A database that is away opens nothing."""
        try:
            return (await look_at_all([visitor]))[visitor]
        except Error as error:
            log.warning("Nobody new is let in to watch: %s", type(error).__name__)
            return Sight(TRY_LATER, "The station's database does not answer. Try again.")

    def join(self, watcher: Watcher) -> None:
        self._watchers.add(watcher)
        if self._task is None:
            self._task = start_background_task(self._run(), "rights check")

    def leave(self, watcher: Watcher) -> None:
        self._watchers.discard(watcher)

    async def _run(self) -> None:
        try:
            while self._watchers:
                await asyncio.sleep(LOOK_EVERY_S)
                with log_and_continue("rights check"):
                    await self._round()
        finally:
            self._task = None

    async def _round(self) -> None:
        """While the database is away everybody keeps what they may see: nothing can have been taken away in it."""
        try:
            sights = await look_at_all({watcher.visitor for watcher in self._watchers})
        except Error as error:
            log.warning("Who may watch could not be looked up: %s", type(error).__name__)
            return
        for watcher in list(self._watchers):
            if sight := sights.get(watcher.visitor):
                with log_and_continue("rights check"):
                    watcher.see(sight)
