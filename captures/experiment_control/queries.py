"""The pages of lists of experiments."""

from __future__ import annotations

from captures.experiments.bodies import ExperimentBody
from core.api.paging import Links


class ExperimentPage(Links):
    results: list[ExperimentBody]
