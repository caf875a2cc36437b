"""Maps the operating-system user who runs a command to a user of the station.

Root and the owner of the data folder are managers, because they can read and write all of it anyway. Anyone else is
the station user of the same name, with that user's role.
"""

from __future__ import annotations

import os
import pwd
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from core.station_owner import StationOwner
from core.text.names import is_reserved
from skycam_project.cli.errors import CliError

if TYPE_CHECKING:
    from skycam_project.config import SkycamConfig


@dataclass(frozen=True, slots=True)
class Caller:
    """Who runs the command. `actor` is the name in events and ledgers; selectors take `user`."""

    actor: str
    user: Any

    def require(self, role: str) -> Self:
        """Raises CliError when the caller's role is below `role`."""
        if not self.user.may(role):
            raise CliError(
                "forbidden",
                f"This needs the role {role}, and yours is {self.user.role}. "
                "The station's owner can change it: `skycam users set NAME --role ROLE`.",
            )
        return self


def is_owner(config: SkycamConfig) -> bool:
    """Whether this process can read all files of the station, and so needs no database to be identified."""
    return os.getuid() in {0, os.stat(config.data).st_uid}


def identify_caller(config: SkycamConfig) -> Caller:
    """The caller who runs this process; CliError for a user that the station does not know."""
    return caller_for_uid(os.getuid(), os.stat(config.data).st_uid)


def caller_for_uid(uid: int, owner: int) -> Caller:
    """The caller for the operating-system user `uid` on a station whose folder belongs to `owner`."""
    from skycam_project.access.models import User

    # By the uid: variables such as USER are under the caller's control.
    name = system_name(uid)
    if uid in {0, owner}:
        # Without a row: the owner can also repair a station that has no usable manager.
        return Caller(f"cli:{name}", StationOwner())
    # Its events would look like those of the station itself.
    if is_reserved(name):
        raise CliError(
            "forbidden", f"{name} is a name that the station uses for itself. Use another account of this machine."
        )
    user = User.objects.filter(username=name, is_active=True).first()
    if user is None:
        raise CliError(
            "forbidden",
            f"The station has no user {name}, and its folder belongs to {system_name(owner)}, "
            f"who can add you: `skycam users add {name} --role operator`.",
        )
    return Caller(f"cli:{name}", user)


def system_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
