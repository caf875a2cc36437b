"""`python -m tests.recorded` records again what people and programs get."""

from __future__ import annotations

import os
import sys

os.execv(sys.executable, [sys.executable, "-m", "pytest", "-n0", "-q", "tests/recorded", "--record", *sys.argv[1:]])
