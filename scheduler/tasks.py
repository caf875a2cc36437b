"""Periodic tasks of nights and experiments."""

from __future__ import annotations

import logging

from celery import shared_task

from core.background import log_and_continue
from core.changes import in_one_transaction
from core.events.service import raise_alert
from scheduler.automatic_recording.alerts import report_experiments
from scheduler.reports.nightly import report_nights
from scheduler.runs.agendas import report_late_runs
from scheduler.runs.replanning import replan
from scheduler.runs.rules import ALERT
from scheduler.telescope.field_lists.night_start import report_missed_nights
from scheduler.telescope.field_lists.nightly import ALERT as NOT_STARTED
from scheduler.telescope.field_lists.nightly import start_due_nights

log = logging.getLogger(__name__)


@shared_task(name="scheduler.replan", ignore_result=True)
def replan_nights() -> None:
    """Plan the next nights again: time passes, and a host may have told another site. Then look for runs that should
    have begun."""
    try:
        replan()
    # The plan stays as it is, and a person must know it; the task of the next minute tries again.
    except Exception as error:
        log.exception("The nights cannot be planned")
        what = "The nights cannot be planned; the planned runs stay as they are"
        raise_alert(f"{ALERT}all", failure_message(what, error), camera=None, severity="error")
    with in_one_transaction():
        report_late_runs()


@shared_task(name="scheduler.start_nights", ignore_result=True)
def start_telescope_nights() -> None:
    """Start the nights of field lists that are observed each night, and report those that were missed."""
    # A fault in the reports must cost no night.
    with log_and_continue("reports of missed nights"), in_one_transaction():
        report_missed_nights()
    try:
        start_due_nights()
    # A night may be lost, and a person must know it; the task of the next minute tries again.
    except Exception as error:
        log.exception("The nights of the telescopes cannot be started")
        message = failure_message("The nights of the telescopes cannot be started", error)
        raise_alert(f"{NOT_STARTED}all", message, camera=None, severity="error")


def failure_message(what: str, error: Exception) -> str:
    """For all users: what the error says may name cameras that not everyone may see."""
    return f"{what} ({type(error).__name__}). The log of the jobs part has the reason."


@shared_task(name="scheduler.report_nights", ignore_result=True)
def report_ended_nights() -> None:
    """Write the reports of nights that are over, and again those whose ledger has changed."""
    report_nights()


@shared_task(name="scheduler.report_experiments", ignore_result=True)
def report_late_experiments() -> None:
    """Raise the alerts of experiments that have not begun, and of cameras that record nothing for theirs."""
    with in_one_transaction():
        report_experiments()
