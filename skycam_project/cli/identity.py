"""The operating-system user, mapped to somebody of the station.

The owner of the data folder and root are managers: they can read and write all of it anyway. Anybody else is the
station user of the same name, with that user's role.
"""

from __future__ import annotations

import os
import pwd
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from core.names import is_reserved
from skycam_project.cli.errors import CliError

if TYPE_CHECKING:
    from skycam_project.config import SkycamConfig


class StationOwner:
    """Who owns the station's files, to selectors that ask what a user may."""

    is_authenticated = True
    is_active = True
    role = "manager"

    def may(self, role: str) -> bool:
        return True


@dataclass(frozen=True, slots=True)
class Caller:
    """`actor` is the name in events and ledgers; `user` is what selectors take."""

    actor: str
    user: Any

    def require(self, role: str) -> Self:
        """CliError when this person's role is below `role`."""
        if not self.user.may(role):
            raise CliError(
                "forbidden",
                f"This needs the role {role}, and yours is {self.user.role}. "
                "Whoever owns the station can change it: `skycam users set NAME --role ROLE`.",
            )
        return self


def is_owner(config: SkycamConfig) -> bool:
    """Whether this process may read all of the station anyway, and so needs no database to be somebody."""
    return os.getuid() in {0, os.stat(config.data).st_uid}


def identify_caller(config: SkycamConfig) -> Caller:
    """Whoever runs this process; CliError for somebody the station does not know."""
    return caller_for_uid(os.getuid(), os.stat(config.data).st_uid)


def caller_for_uid(uid: int, owner: int) -> Caller:
    """Who the operating-system user `uid` is on a station whose folder belongs to `owner`."""
    from skycam_project.access.models import User

    name = system_name(uid)
    if uid in {0, owner}:
        return Caller(f"cli:{name}", StationOwner())
    if is_reserved(name):
        raise CliError(
            "forbidden", f"{name} is a name that the station uses for itself. Use another account of this machine."
        )
    user = User.objects.filter(username=name, is_active=True).first()
    if user is None:
        raise CliError(
            "forbidden",
            f"The station has no user {name}, and its folder belongs to {system_name(owner)}, "
            f"who can let you in: `skycam users add {name} --role operator`.",
        )
    return Caller(f"cli:{name}", user)


def system_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
