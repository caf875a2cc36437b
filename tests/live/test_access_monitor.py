"""`AccessMonitor`: an error in one principal's check ends neither the checks nor another's view."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

from asgiref.sync import sync_to_async

from cameras.models import Camera
from cameras.sockets.access import TRY_LATER, Access, AccessMonitor
from skycam_project.access.models import User
from tests.harness.clients.sockets import user_of
from tests.harness.waiting import PATIENCE_S


@dataclass(frozen=True)
class Broken:
    """A principal whose rights cannot be determined."""

    needs_origin: bool = False

    def user(self) -> Any:
        raise LookupError("no such key")


@dataclass(frozen=True)
class Signed:
    pk: int
    needs_origin: bool = False

    def user(self) -> User:
        return User.objects.get(pk=self.pk)


@dataclass(eq=False)
class RecordingListener:
    principal: Any
    fails: bool = False
    received: asyncio.Queue[Access] = field(default_factory=asyncio.Queue)

    def update_access(self, access: Access) -> None:
        self.received.put_nowait(access)
        if self.fails:
            raise LookupError("closed already")

    async def next(self) -> Access:
        return await asyncio.wait_for(self.received.get(), PATIENCE_S)


async def test_a_principal_whose_check_fails_gets_no_access_and_the_others_keep_theirs(
    camera: Camera, frequent_checks: None
) -> None:
    anna = await sync_to_async(user_of)("viewer")
    monitor = AccessMonitor()
    broken, failing, good = (
        RecordingListener(Broken()),
        RecordingListener(Signed(anna.pk), fails=True),
        RecordingListener(Signed(anna.pk)),
    )
    for listener in (broken, failing, good):
        monitor.add_listener(listener)
    assert (await broken.next()).code == TRY_LATER
    assert [(await good.next()).code, (await good.next()).code] == [0, 0]
    for listener in (broken, failing, good):
        monitor.remove_listener(listener)
