"""What a principal may see just now: asked of the database when a socket opens, and again every two seconds."""

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
from core.background import count_failure, start_background, surviving

log = logging.getLogger(__name__)
CHECK_EVERY_S = 2.0
SIGNED_OUT, NO_ROLE, NO_CAMERA, TRY_LATER = 4401, 4403, 4404, 1013


class Principal(Protocol):
    """Who asks, by what they showed. Hashable, so that one look serves all sockets of one sign-in."""

    needs_origin: bool

    def user(self) -> Any:
        """The user as the database has them now; None when they may not come in (any more)."""

    def __hash__(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Access:
    """`cameras` is slug -> desired. `code` and `reason` say why a socket is closed; 0 where it is not."""

    code: int = 0
    reason: str = ""
    cameras: dict[str, str] = field(default_factory=dict)
    user: str = ""

    def for_camera(self, slug: str) -> Access:
        """The same, for a socket that is about one camera. One that may not be seen does not exist."""
        if self.code or slug in self.cameras:
            return self
        return Access(NO_CAMERA, f"There is no camera {slug[:40]}.")


def read_access(principal: Principal) -> Access:
    user = principal.user()
    if user is None:
        return Access(SIGNED_OUT, "Sign in first, or again.")
    if not user.may("viewer"):
        return Access(NO_ROLE, "This needs the role viewer. Ask a manager.")
    return Access(cameras={camera.slug: desired(camera) for camera in cameras_for(user)}, user=user.get_username())


def read_access_or_refuse(principal: Principal) -> Access:
    """Rights that cannot be determined are none, and one principal's error ends no other's view. Error when the database
    is away."""
    try:
        return read_access(principal)
    except Error:
        raise
    except Exception as error:  # noqa: BLE001 - logged and counted
        count_failure("rights check", error)
        return Access(TRY_LATER, "The station could not check what you may see. Its log says more. Try again.")


async def read_access_of_all(principals: Collection[Principal]) -> dict[Principal, Access]:
    def on_its_thread() -> dict[Principal, Access]:
        return {principal: read_access_or_refuse(principal) for principal in principals}

    found: dict[Principal, Access] = await database_sync_to_async(on_its_thread)()
    return found


class AccessListener(Protocol):
    """What is told of a new access, when it has changed or not."""

    principal: Principal

    def update_access(self, access: Access) -> None: ...


class AccessMonitor:
    """Looks for all listeners of one event loop together; runs only while there are any."""

    def __init__(self) -> None:
        self._listeners: set[AccessListener] = set()
        self._task: asyncio.Task[None] | None = None

    async def check_access(self, principal: Principal) -> Access:
        """A look of its own, when something opens. A database that is away opens nothing."""
        try:
            return (await read_access_of_all([principal]))[principal]
        except Error as error:
            log.warning("Nobody new is let in to watch: %s", type(error).__name__)
            return Access(TRY_LATER, "The station's database does not answer. Try again.")

    def add_listener(self, listener: AccessListener) -> None:
        self._listeners.add(listener)
        if self._task is None:
            self._task = start_background(self._run(), "rights check")

    def remove_listener(self, listener: AccessListener) -> None:
        self._listeners.discard(listener)

    async def _run(self) -> None:
        try:
            while self._listeners:
                await asyncio.sleep(CHECK_EVERY_S)
                with surviving("rights check"):
                    await self._round()
        finally:
            self._task = None

    async def _round(self) -> None:
        """While the database is away everybody keeps what they may see: nothing can have been taken away in it."""
        try:
            found = await read_access_of_all({listener.principal for listener in self._listeners})
        except Error as error:
            log.warning("Who may watch could not be looked up: %s", type(error).__name__)
            return
        for listener in list(self._listeners):
            if access := found.get(listener.principal):
                with surviving("rights check"):
                    listener.update_access(access)
