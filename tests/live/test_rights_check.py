"""`Lookout`: an error in one visitor's check ends neither the checks nor another's view."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

from asgiref.sync import sync_to_async

from cameras.models import Camera
from cameras.sockets.sight import TRY_LATER, Lookout, Sight
from skycam_project.access.models import User
from tests.live.builders import user_of


@dataclass(frozen=True)
class Broken:
    """A visitor whose rights cannot be determined."""

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
class Watcher:
    visitor: Any
    fails: bool = False
    sights: asyncio.Queue[Sight] = field(default_factory=asyncio.Queue)

    def see(self, sight: Sight) -> None:
        self.sights.put_nowait(sight)
        if self.fails:
            raise LookupError("closed already")

    async def next(self) -> Sight:
        return await asyncio.wait_for(self.sights.get(), 10)


async def test_who_cannot_be_checked_sees_nothing_and_the_others_go_on(camera: Camera) -> None:
    anna = await sync_to_async(user_of)("viewer")
    lookout = Lookout()
    broken, failing, good = Watcher(Broken()), Watcher(Signed(anna.pk), fails=True), Watcher(Signed(anna.pk))
    for watcher in (broken, failing, good):
        lookout.join(watcher)
    assert (await broken.next()).code == TRY_LATER
    assert [(await good.next()).code, (await good.next()).code] == [0, 0]
    for watcher in (broken, failing, good):
        lookout.leave(watcher)
