"""docs/clients/routes.md, line by line: who may use which route. The tests of API, pages and sockets request each.

Most rows are made from the roles that views declare; those of six answers are written by hand and go before.
"""

from __future__ import annotations

from dataclasses import dataclass

from tests.harness.project import PROJECT

PAGE = PROJECT / "docs" / "clients" / "routes.md"
PEOPLE = ("stranger", "none", "viewer", "operator", "manager", "excluded")
"""Not signed in; signed in without a role; the three roles; an operator who may not see the route's camera."""
WORDS = frozenset({"in", "sign in", "refused", "not there"})
ROLES = ("none", "viewer", "operator", "manager")


@dataclass(frozen=True, slots=True)
class Line:
    method: str
    """GET, POST, ... or WS."""
    route: str
    answers: dict[str, str]
    """Person -> word of WORDS."""

    @property
    def resource(self) -> str:
        """The first part of the route that says what it is about: `cameras`, `api/v1/cameras`."""
        parts = self.route.split("/")
        return "/".join(parts[:3] if parts[0] == "api" else parts[:1]) or "dashboard"

    def __str__(self) -> str:
        return f"{self.method} /{self.route}"


def lines() -> list[Line]:
    """The lines of the tables. ValueError for a malformed row."""
    rows = [row for row in PAGE.read_text(encoding="utf-8").splitlines() if row.startswith("| `")]
    found = [line for row in rows for line in _lines([cell.strip() for cell in row[1:-1].split("|")])]
    return list({(line.method, line.route): line for line in found}.values())


def _lines(cells: list[str]) -> list[Line]:
    if len(cells) == len(PEOPLE) + 1 and set(cells[1:]) <= WORDS:
        method, _, route = cells[0].strip("`").partition(" /")
        return [Line(method, route, dict(zip(PEOPLE, cells[1:], strict=True)))]
    if len(cells) == 3 and cells[2] in {"", "not there"}:
        methods = (one.split(" ", 1) for one in cells[1].split(", "))
        return [Line(method, cells[0].strip("`")[1:], _answers(role, cells[2])) for method, role in methods]
    raise ValueError(f"Not a line of the route table: {cells}")


def _answers(role: str, hidden: str) -> dict[str, str]:
    """What each person gets on a route with this lowest role. `hidden`: what those get who may not see its camera."""
    if role == "anyone":
        return dict.fromkeys(PEOPLE, "in")
    lowest = ROLES.index(role)
    of_roles = {one: "in" if ROLES.index(one) >= lowest else "refused" for one in ROLES}
    excluded = hidden if hidden and of_roles["operator"] == "in" else of_roles["operator"]
    return {"stranger": "sign in", **of_roles, "excluded": excluded}


def lines_of(*prefixes: str) -> list[Line]:
    """The lines whose route begins with one of the prefixes."""
    return [line for line in lines() if line.route.startswith(prefixes)]


def cases(chosen: list[Line]) -> list[tuple[Line, str]]:
    return [(line, person) for line in chosen for person in PEOPLE]
