"""The last lines of a start. They go to standard output alone: the log stream and its file never see a password.

Standard output may be a log itself: a file, or the journal. A terminal gets the password, and so does a pipe.
"""

from __future__ import annotations

import os
import stat
import sys

from skycam_project.launch.preparation import FirstStart

STDOUT = 1
ADD_A_CAMERA = (
    "Find a real camera:  skycam cameras detect",
    "and add it:          skycam cameras add NAME --kind gphoto2",
)


def show(address: str, first: FirstStart, *, given: bool) -> None:
    try:
        print(f"Skycam is at {address}  {_sign_in(first, given=given)}", *ADD_A_CAMERA, sep="\n", flush=True)
    except OSError:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115


def _sign_in(first: FirstStart, *, given: bool) -> str:
    if not first["admin_created"]:
        return "(sign in as admin; a new password: skycam users set admin --password)"
    if given:
        return "(sign in as admin / the password in SKYCAM_ADMIN_PASSWORD)"
    if _is_a_log(os.fstat(STDOUT)):
        return "(sign in as admin; this is a log, so set a password: skycam users set admin --password)"
    return f"(sign in as admin / {first['admin_password']})"


def _is_a_log(output: os.stat_result) -> bool:
    """Whether what is written there is kept. JOURNAL_STREAM alone does not say so: a terminal may inherit it."""
    the_journal = os.environ.get("JOURNAL_STREAM") == f"{output.st_dev}:{output.st_ino}"
    return the_journal or stat.S_ISREG(output.st_mode)
