"""Writes the report of each night that is over into the data folder, without anybody asking.

A night is reported once, and again when its ledger has changed: rows of a host that was away arrive later. The file is
durable before the row says so; after a kill in between, it is written again.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Count, Max, Sum
from django.utils import timezone

from captures.capturing.models import Capture
from captures.sessions.models import Session, SessionGap
from core.events.selectors import unresolved_keys
from core.events.service import raise_alert, record_event, resolve_alert
from core.sky.intervals import Interval
from core.stations.record import installed_at
from scheduler.reports.html_file import render_report
from scheduler.reports.models import CameraNight, ReportedNight
from scheduler.reports.report import Report, last_night, main_site, night_report, seen_cameras
from scheduler.runs.models import PlannedRun
from scheduler.runs.rules import night_at, sites_of

log = logging.getLogger(__name__)
CHECKED = 31
"""Nights whose ledger is compared with what was reported. Older ones are reported once."""
AT_ONCE = 3
"""Nights that are written in one run of the task, or that fail in it: the others follow in the next."""
KEPT = timedelta(days=400)
"""How long files are kept. The rows stay for the calendar."""
DAY = timedelta(days=1)
ALERT = "night.report:"
UNKNOWN_OLD = date(2000, 1, 1)
"""A camera whose clock was never set has captures of 1970: nights before this are not reported by themselves."""


def report_nights(now: datetime | None = None) -> list[date]:
    """Report the nights that are due, the newest first; at most AT_ONCE. Returns those that were written."""
    now = now or timezone.now()
    written: list[date] = []
    failed: list[date] = []
    for night, fingerprint in due_nights(now):
        # A full disk fails for each night of years.
        if max(len(written), len(failed)) >= AT_ONCE:
            break
        try:
            if _report(night, fingerprint, now):
                written.append(night)
        # Whatever fails here would fail again each time, unseen: a person has to know.
        except Exception as error:
            log.exception("The report of the night %s was not written", night)
            # For all users: what another error says may name a camera.
            why = (error.strerror if isinstance(error, OSError) else None) or f"{type(error).__name__}, see the log"
            message = f"The report of the night {night} was not written: {why}. It is tried again."
            raise_alert(alert_of(night), message, camera=None)
            failed.append(night)
    _resolve_alerts(now)
    _remove_old_files(now)
    return written


def _report(night: date, fingerprint: str, now: datetime) -> bool:
    """False for a night that is not over."""
    report = night_report(night, now=now)
    if report.state in ("running", "future"):
        return False
    store(report, fingerprint, write_file(report))
    resolve_alert(alert_of(night))
    return True


def alert_of(night: date) -> str:
    return f"{ALERT}{night}"


def _resolve_alerts(now: datetime) -> None:
    """Those of nights that are not reported again: a change of their ledger is too old, or was undone."""
    last = last_night(now=now)
    for key in sorted(unresolved_keys(ALERT)):
        night = date.fromisoformat(key.removeprefix(ALERT))
        row = ReportedNight.objects.filter(night=night).first()
        if row and (last - night >= CHECKED * DAY or row.fingerprint == ledger_fingerprint(night)):
            resolve_alert(key)


def due_nights(now: datetime) -> Iterable[tuple[date, str]]:
    """Nights that are over and are not reported, or not as their ledger is now, with the ledger's fingerprint."""
    last = last_night(now=now)
    first = _first_night(last)
    reported = dict(ReportedNight.objects.values_list("night", "fingerprint"))
    night = last
    while night >= first:
        known = reported.get(night)
        if known is None or last - night < CHECKED * DAY:
            found = ledger_fingerprint(night)
            if known != found:
                yield night, found
        night -= DAY


def _first_night(last: date) -> date:
    """Pictures that were organized may be from long before the station was there."""
    oldest = Capture.objects.filter(started_at__year__gte=UNKNOWN_OLD.year).order_by("started_at", "id").first()
    run = PlannedRun.objects.exclude(night=None).order_by("night").first()
    nights = [oldest.started_at.date() - DAY] if oldest else []
    nights += [run.night] if run and run.night else []
    installed = night_at(main_site(seen_cameras()), installed_at())
    return max(min(nights), installed) if nights else last + DAY


def ledger_fingerprint(night: date) -> str:
    """Changes when a row of the night's ledger does. Its cost is that of counting the rows."""
    cameras_of: dict[Interval, list[UUID]] = {}
    for camera, site in sites_of(seen_cameras()).items():
        cameras_of.setdefault(site.night_range(night), []).append(camera)
    runs = PlannedRun.objects.filter(night=night).order_by("pk").values_list("pk", "windows")
    counted = [_counted(cameras, begin, end) for (begin, end), cameras in sorted(cameras_of.items())]
    return hashlib.sha256(repr((counted, list(runs))).encode()).hexdigest()


def _counted(cameras: list[UUID], begin: datetime, end: datetime) -> Any:
    captures = Capture.objects.filter(started_at__gte=begin, started_at__lt=end, camera__in=cameras).order_by()
    gaps = SessionGap.objects.filter(from_at__lt=end, to_at__gte=begin, session__camera__in=cameras).order_by()
    sessions = Session.objects.filter(started_at__lt=end, camera__in=cameras).exclude(ended_at__lt=begin).order_by("pk")
    return (
        sorted(captures.values_list("camera", "status").annotate(number=Count("pk")), key=str),
        sorted(gaps.values_list("reason").annotate(Count("pk"), Sum("count"), Max("to_at")), key=str),
        # A session that goes on after the night counts further captures, which are no change of this night.
        [(row.pk, row.state, row.planned) if row.ended_at and row.ended_at < end else row.pk for row in sessions],
    )


def store(report: Report, fingerprint: str, path: Path) -> None:
    with transaction.atomic():
        row, is_first = ReportedNight.objects.update_or_create(
            night=report.night,
            defaults={"fingerprint": fingerprint, "sentence": report.sentence, "reported_at": report.made_at},
        )
        row.cameras.all().delete()
        CameraNight.objects.bulk_create(_rows(report, row))
        if not report.cameras:
            return  # a night in which nothing was planned is no event
        again = "" if is_first else " again: its ledger has changed"
        record_event(
            "night.reported",
            f"The night of {report.night} is reported{again}. {public_sentence(report)}",
            camera=None,
            severity="warning" if report.state == "incomplete" else "info",
            subject=report.night,
            data={
                "night": report.night.isoformat(),
                "state": report.state,
                "file": path_in_data_folder(path),
                "first": is_first,
            },
        )


def path_in_data_folder(path: Path) -> str:
    """All users see the event, and a path of the machine is not for all of them."""
    return path.relative_to(reports_folder().parent).as_posix()


def public_sentence(report: Report) -> str:
    """For an event, which all users see: it names no camera, since not everyone may see each."""
    if any(one.camera.restricted for one in report.cameras):
        return "A manager sees its numbers." if report.state != "incomplete" else "It is incomplete."
    return report.sentence


def _rows(report: Report, row: ReportedNight) -> Iterable[CameraNight]:
    for one in report.cameras:
        counts = one.account.counts
        yield CameraNight(
            night=row, camera=one.camera, planned=counts.planned, saved=counts.saved, failed=counts.failed,
            skipped=counts.skipped, missing=one.missing, is_complete=one.account.is_complete,
            lost_s=one.lost.total_seconds(),
            lost_by_reason={reason: lost.total_seconds() for reason, lost in one.lost_by_reason.items()},
        )  # fmt: skip


def reports_folder() -> Path:
    return Path(settings.STATION.data) / "reports"


def file_of(night: date) -> Path:
    return reports_folder() / f"{night:%Y}" / f"{night}.html"


def stored_report(night: date) -> bytes | None:
    """The file of a night; None when another host wrote it, or it was removed. OSError of the disk."""
    try:
        return file_of(night).read_bytes()
    except FileNotFoundError:
        return None


def write_file(report: Report, render: Callable[[Report], str] = render_report) -> Path:
    """Durable and complete under its name, or not there: written beside it and renamed. OSError of the disk."""
    path, content = file_of(report.night), render(report).encode()
    path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    try:
        # For managers alone: the report has all cameras, also those that not everyone may see.
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.rename(path)
    except OSError:
        # The first error is the one to report.
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        raise
    for folder in (path.parent, path.parent.parent):
        _sync(folder)
    return path


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove_old_files(now: datetime) -> None:
    oldest = (now - KEPT).date()
    for path in reports_folder().glob("[0-9][0-9][0-9][0-9]/????-??-??.html"):
        with contextlib.suppress(ValueError, FileNotFoundError):
            if date.fromisoformat(path.stem) < oldest:
                path.unlink()
