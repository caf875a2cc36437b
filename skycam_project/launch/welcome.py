"""The last lines of a start. They go to standard output alone: the log stream and its file never see a password."""

from __future__ import annotations

import os
import sys

from skycam_project.launch.preparation import FirstStart

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
    if "JOURNAL_STREAM" in os.environ:
        return "(sign in as admin; this is a log, so set a password: skycam users set admin --password)"
    return f"(sign in as admin / {first['admin_password']})"
