"""Fails and names the lines of the tests that wait for a time, or for less than a busy machine needs:
`python scripts/check_waits.py [FOLDER]`.

A test waits for what it is about (`tests/harness/waiting.py`); CONTRIBUTING.md has the rules. A line that is right as
it is, because the time itself is its subject, says so: `# time: WHY`.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1] / "tests"
PATIENCE_S = 120
GUARDED = frozenset({
    "wait", "join", "get", "result", "communicate", "run", "check_output", "check_call", "wait_for", "timeout",
    "settimeout", "urlopen", "create_connection", "HTTPConnection", "recv", "acquire", "receive", "connect",
})  # fmt: skip
"""Functions whose time-out only guards against a hang."""
BY_PLACE = frozenset({"wait", "join", "result", "wait_for", "timeout", "settimeout"})
"""Those that take it as their only number, without its name."""
SLEEPING = frozenset({("time", "sleep"), ("asyncio", "sleep")})
SAID = "# time:"
REMEDY = (
    "Wait for what the test is about (tests/harness/waiting.py); a deadline that guards against a hang is PATIENCE_S. "
    f"If the time is the subject, say why: {SAID} WHY"
)
FREE = ("harness/far_ends", "harness/clocks", "harness/jobs", "harness/waiting.py", "harness/long_runs", "long_runs")
"""Where something takes its time by design: slow far ends and jobs, clocks, samples of a long run."""


def main(folder: Path = TESTS) -> int:
    paths = [path for path in sorted(folder.rglob("*.py")) if not is_free(path.relative_to(folder))]
    found = [f"{folder.name}/{path.relative_to(folder)}:{fault}" for path in paths for fault in faults_in(path)]
    if found:
        print("\n".join(found), file=sys.stderr)
        print(f"{len(found)} lines wait for a time. {REMEDY}", file=sys.stderr)
    return bool(found)


def is_free(path: Path) -> bool:
    return str(path).startswith(FREE)


def faults_in(path: Path) -> Iterator[str]:
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call) and (fault := fault_of(node)) and SAID not in lines[node.end_lineno - 1]:
            yield f"{node.lineno}: {fault}"


def fault_of(call: ast.Call) -> str | None:
    name = called(call)
    if sleeps(call) and not is_number(call.args[0], below=0.0, at_most=True):
        return "it sleeps"
    if any(one.arg == "within_s" for one in call.keywords) and name.startswith("eventually"):
        return "a deadline of its own"
    if name in GUARDED and not on_a_clock(call) and any(is_short(one) for one in time_outs(call, name)):
        return f"a time-out below {PATIENCE_S} s"
    return None


def on_a_clock(call: ast.Call) -> bool:
    """Whether it is a method of a clock of the tests, whose seconds take no time."""
    return isinstance(call.func, ast.Attribute) and owner(call.func).endswith("clock")


def time_outs(call: ast.Call, name: str) -> Iterator[ast.expr]:
    yield from (one.value for one in call.keywords if one.arg in {"timeout", "timeout_s", "within_s"})
    if name in BY_PLACE and len(call.args) == 1 and not call.keywords:
        yield call.args[0]


def sleeps(call: ast.Call) -> bool:
    function = call.func
    return isinstance(function, ast.Attribute) and (owner(function), function.attr) in SLEEPING and bool(call.args)


def called(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def owner(function: ast.Attribute) -> str:
    """The last name before the dot."""
    return getattr(function.value, "id", "") or getattr(function.value, "attr", "")


def is_short(value: ast.expr) -> bool:
    return is_number(value, below=PATIENCE_S) and not is_number(value, below=0.0, at_most=True)


def is_number(value: ast.expr, *, below: float, at_most: bool = False) -> bool:
    number = getattr(value, "value", None)
    return isinstance(number, (int, float)) and (number <= below if at_most else number < below)


if __name__ == "__main__":
    sys.exit(main(*map(Path, sys.argv[1:])))
