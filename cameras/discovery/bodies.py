"""Discovered devices as JSON."""

from __future__ import annotations

from typing import TypedDict


class Discovered(TypedDict):
    """`camera` is the id under which it is already added; `held_by` names another program that has it open, where
    known; `suggested` is a free id for it, empty where it is already added."""

    host: str
    kind: str
    label: str
    address: str
    model: str
    serial: str
    camera: str | None
    held_by: str
    suggested: str


class DiscoveryProblem(TypedDict):
    """A host that did not answer (`kind` is empty), or a kind whose discovery failed there."""

    host: str
    kind: str
    message: str


class DiscoveredList(TypedDict):
    hosts: list[str]
    results: list[Discovered]
    problems: list[DiscoveryProblem]
