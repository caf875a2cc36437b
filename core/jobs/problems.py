"""EXCEPTIONS: the API's problems for the exceptions of jobs."""

from __future__ import annotations

from core.api.problems import ExceptionTable, from_message
from core.jobs.services import NotCancellable

EXCEPTIONS: ExceptionTable = {NotCancellable: from_message("job-ended")}
