"""docs/clients/routes.md, line by line: who may use which route. The tests of API, pages and sockets request each."""

from __future__ import annotations

from dataclasses import dataclass

from tests.harness.project import PROJECT

PAGE = PROJECT / "docs" / "clients" / "routes.md"
PEOPLE = ("stranger", "none", "viewer", "operator", "manager", "excluded")
"""Not signed in; signed in without a role; the three roles; an operator who may not see the route's camera."""
WORDS = frozenset({"in", "sign in", "refused", "not there", "own"})


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
    """The lines of the table. ValueError for a malformed row."""
    rows = [row for row in PAGE.read_text(encoding="utf-8").splitlines() if row.startswith("| `")]
    return [_line([cell.strip() for cell in row.strip("|").split("|")]) for row in rows]


def _line(cells: list[str]) -> Line:
    method, _, route = cells[0].strip("`").partition(" /")
    if len(cells) != len(PEOPLE) + 1 or not set(cells[1:]) <= WORDS:
        raise ValueError(f"Not a line of the route table: {cells}")
    return Line(method, route, dict(zip(PEOPLE, cells[1:], strict=True)))


def lines_of(*prefixes: str) -> list[Line]:
    """The lines whose route begins with one of the prefixes."""
    return [line for line in lines() if line.route.startswith(prefixes)]


def cases(chosen: list[Line]) -> list[tuple[Line, str]]:
    return [(line, person) for line in chosen for person in PEOPLE]
