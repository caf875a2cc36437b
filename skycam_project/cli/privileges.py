"""Operations on the whole host: who may run them, whatever their role in the station is."""

from __future__ import annotations

import functools
import grp
import os
import shlex
import sys
from collections.abc import Callable, Collection
from pathlib import Path
from typing import ParamSpec, TypeVar

from core.station_owner import StationOwner
from skycam_project.cli.errors import CliError
from skycam_project.cli.identity import Caller, system_name
from skycam_project.cli.station import current

GROUP = "skycam"
"""Members of this operating-system group may do what the owner of the data folder may."""
P = ParamSpec("P")
R = TypeVar("R")


def require_privileged_operation(function: Callable[P, R]) -> Callable[P, R]:
    """The command is for root, the owner of the data folder and members of GROUP; for others it is a CliError that says
    how to run it."""

    @functools.wraps(function)
    def checked(*args: P.args, **kwargs: P.kwargs) -> R:
        from skycam_project.config import ConfigError

        try:
            data = current().config.data
        except ConfigError as error:
            # Of a station that this user cannot read, the configuration only says which file it cannot open.
            if isinstance(error.__context__, PermissionError):
                raise refusal(os.getuid(), None) from None
            raise
        check_privileged(os.getuid(), os.stat(data).st_uid, groups_of_process())
        return function(*args, **kwargs)

    return checked


def check_privileged(uid: int, owner: int, groups: Collection[str]) -> None:
    """CliError unless the operating-system user `uid`, who is in `groups`, is privileged on a station whose folder
    belongs to `owner`."""
    if uid not in {0, owner} and GROUP not in groups:
        raise refusal(uid, owner)


def refusal(uid: int, owner: int | None) -> CliError:
    name, user = system_name(uid), "OWNER" if owner is None else system_name(owner)
    words = shlex.join([Path(sys.argv[0]).name or "skycam", *sys.argv[1:]])
    return CliError(
        "forbidden",
        f"This is for root, the owner of the station's folder ({user}) and members of the group {GROUP}; you are "
        f"{name}. Run it as the owner: `sudo -u {user} {words}`. Or have yourself added to the group with `sudo "
        f"usermod -aG {GROUP} {name}`, and sign in again.",
    )


def groups_of_process() -> frozenset[str]:
    """Names of the groups that the kernel checks; a group without a name is left out."""
    return frozenset(name for gid in {os.getegid(), *os.getgroups()} if (name := _group_name(gid)))


def _group_name(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return ""


def privileged_caller() -> Caller:
    """The caller of a privileged operation, with Django set up: a manager."""
    current().set_up_django()
    current().activate_zone()
    return Caller(f"cli:{system_name(os.getuid())}", StationOwner())
