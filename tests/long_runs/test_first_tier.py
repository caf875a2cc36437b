"""The first tier is quick: on a quiet machine none of its tests takes longer than three seconds."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.harness.project import PROJECT
from tests.harness.runs.tiers import LONGEST_S, Tier

pytestmark = [pytest.mark.prove, pytest.mark.timeout(3600)]


def durations(report: Path) -> dict[str, float]:
    """Test -> seconds of its own, without its fixtures, which others share."""
    found = ET.parse(report).iter("testcase")
    return {f"{one.get('classname')}::{one.get('name')}": float(one.get("time", "")) for one in found}


def test_no_test_of_the_first_tier_takes_longer_than_three_seconds(tmp_path: Path) -> None:
    """Except for the whole stations that it has on purpose."""
    report = tmp_path / "report.xml"
    environment = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    command = [
        sys.executable, "-m", "pytest", "--tier", Tier.FIRST, "-m", "not promise", "-n", str(os.cpu_count() or 1),
        "--junitxml", str(report), "-o", "junit_duration_report=call",
    ]  # fmt: skip
    subprocess.run(command, cwd=PROJECT, env=environment, check=False, stdout=subprocess.DEVNULL)
    found = durations(report)
    assert len(found) > 1000
    assert {test: taken_s for test, taken_s in found.items() if taken_s > LONGEST_S} == {}
