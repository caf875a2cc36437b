"""What a principal may see: read from the database when a socket or stream opens, and again every two seconds."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any, Protocol

from channels.db import database_sync_to_async
from django.db import Error

from cameras.models import desired_connection
from cameras.selectors import cameras_for
from core.background import count_failure, log_and_continue, start_background_task

log = logging.getLogger(__name__)
CHECK_EVERY_S = 2.0
SIGNED_OUT, NO_ROLE, NO_CAMERA, TRY_LATER = 4401, 4403, 4404, 1013


class Principal(Protocol):
    """Who opened a socket or stream, by their credentials. Hashable: one query serves all sockets of a sign-in."""

    needs_origin: bool

    def user(self) -> Any:
        """The user as the database has them now; None when the credentials are not valid, or no longer."""

    def __hash__(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Access:
    """`cameras` is slug -> desired. `code` and `reason` say why a socket is closed; the code is 0 for access."""

    code: int = 0
    reason: str = ""
    cameras: dict[str, str] = field(default_factory=dict)
    camera_ids: frozenset[str] = frozenset()
    """The same cameras by their ids, which are never reused."""
    user: str = ""
    is_manager: bool = False

    def for_camera(self, slug: str) -> Access:
        """The access to one camera. For a reader, a hidden camera does not exist."""
        if self.code or slug in self.cameras:
            return self
        # The slug is part of the address, of any length; the reason of a close has at most 123 bytes.
        return Access(NO_CAMERA, f"There is no camera {slug[:40]}.")


def read_access(principal: Principal) -> Access:
    user = principal.user()
    if user is None:
        return Access(SIGNED_OUT, "Sign in first, or again.")
    if not user.may("viewer"):
        return Access(NO_ROLE, "This needs the role viewer. Ask a manager.")
    cameras = list(cameras_for(user))
    return Access(
        cameras={camera.slug: desired_connection(camera) for camera in cameras},
        camera_ids=frozenset(str(camera.pk) for camera in cameras),
        user=user.get_username(),
        is_manager=user.may("manager"),
    )


def read_access_or_refuse(principal: Principal) -> Access:
    """No access when the rights cannot be determined: an error for one principal affects no other. Error when the
    database is away."""
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

    # On one thread for all: a sign-in costs a query, and not a change of threads as well.
    found: dict[Principal, Access] = await database_sync_to_async(on_its_thread)()
    return found


class AccessListener(Protocol):
    """Gets the principal's access at each check, changed or not."""

    principal: Principal

    def update_access(self, access: Access) -> None: ...


class AccessMonitor:
    """Checks the access of all listeners of one event loop together; runs only while there are any."""

    def __init__(self) -> None:
        self._listeners: set[AccessListener] = set()
        self._task: asyncio.Task[None] | None = None

    async def check_access(self, principal: Principal) -> Access:
        """One check, when a socket or stream opens. Without the database nothing opens."""
        try:
            return (await read_access_of_all([principal]))[principal]
        except Error as error:
            log.warning("New sockets and streams are refused, since access cannot be checked: %s", type(error).__name__)
            return Access(TRY_LATER, "The station's database does not answer. Try again.")

    def add_listener(self, listener: AccessListener) -> None:
        self._listeners.add(listener)
        if self._task is None:
            self._task = start_background_task(self._run(), "rights check")

    def remove_listener(self, listener: AccessListener) -> None:
        self._listeners.discard(listener)

    async def _run(self) -> None:
        try:
            while self._listeners:
                await asyncio.sleep(CHECK_EVERY_S)
                with log_and_continue("rights check"):
                    await self._check_all()
        finally:
            self._task = None

    async def _check_all(self) -> None:
        """While the database is away all users keep their access: nothing can have been revoked in it."""
        try:
            found = await read_access_of_all({listener.principal for listener in self._listeners})
        except Error as error:
            log.warning("Access could not be checked again: %s", type(error).__name__)
            return
        # A listener that was added during the query is not in `found`; it is checked the next time.
        for listener in list(self._listeners):
            if access := found.get(listener.principal):
                with log_and_continue("rights check"):
                    listener.update_access(access)
