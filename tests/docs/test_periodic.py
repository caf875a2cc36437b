"""docs/internals/periodic.md and docs/decisions/periodic.md: the table is that of the code, and has all of it."""

from __future__ import annotations

import ast
import re

import pytest

from core.periodic.task import Start
from skycam_project.periodic import TASKS
from skycam_project.periodic_status import interval_text
from tests.harness.documents.pages import page
from tests.harness.documents.sources import nodes, sources

STARTED = (Start.PART, Start.FACTORY)
pytestmark = pytest.mark.usefixtures("parsed_sources")


def test_the_table_has_all_tasks_as_they_are() -> None:
    rows = re.findall(r"^\| `([^`]+)` \| (.+) \|$", page("docs/internals/periodic.md"), re.MULTILINE)
    assert dict(rows) == {
        task.name: " | ".join(
            [f"`{interval_text(task)}`", task.owner, task.part or "each with tasks", task.what, task.late]
        )
        for task in TASKS.values()
    }


def names_of(kind: str) -> set[str]:
    """The names that the code gives to threads of this class; of an f-string its beginning."""
    calls = [node for path in sources() for node in nodes(path) if isinstance(node, ast.Call)]
    found = [call.args[0] for call in calls if isinstance(call.func, ast.Name) and call.func.id == kind]
    return {str(one.value) for one in found if isinstance(one, ast.Constant)}


def test_each_task_that_a_part_starts_has_a_thread_of_its_name() -> None:
    by_part, by_factory = ({task.name for task in TASKS.values() if task.start is one} for one in STARTED)
    # The Supervisor has a thread of its own, and the report and the jobs have their name from elsewhere.
    assert names_of("PeriodicThread") - by_factory == by_part - {"supervisor", "periodic-report", "jobs"}


def test_each_other_thread_that_repeats_its_work_serves_a_queue_that_is_named() -> None:
    named = set(re.findall(r"`([\w-]+)`", page("docs/decisions/periodic.md")))
    assert names_of("RetryingThread") - {"metrics-port"} <= named
    assert not names_of("RetryingThread") & TASKS.keys()
