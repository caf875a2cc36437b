"""What `skycam status` says of a host that is drained."""

from __future__ import annotations

from typing import Any

from skycam_project.cli.status import remarks


def lines(**host: Any) -> list[str]:
    return remarks({"hosts": [{"host": "roof", **host}], "cameras": [], "alerts": []})


def test_the_status_names_a_host_that_is_drained() -> None:
    [line] = lines(draining=True)
    assert line.startswith("The host roof is being drained: nothing new starts there.")


def test_the_status_says_nothing_of_a_host_that_is_not_drained() -> None:
    assert lines() == []
