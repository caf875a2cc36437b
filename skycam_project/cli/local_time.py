"""This machine's time zone with daylight saving time, as the operating system knows it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo


class LocalZone(tzinfo):
    """`datetime.astimezone()` gives the fixed offset of one moment; here the offset depends on the moment."""

    def utcoffset(self, moment: datetime | None, /) -> timedelta | None:
        return self._here(moment).utcoffset()

    def dst(self, moment: datetime | None, /) -> timedelta | None:
        return self._here(moment).dst()

    def tzname(self, moment: datetime | None, /) -> str | None:
        return self._here(moment).tzname()

    def fromutc(self, moment: datetime, /) -> datetime:
        return moment.replace(tzinfo=UTC).astimezone().replace(tzinfo=self)

    @staticmethod
    def _here(moment: datetime | None) -> datetime:
        return (moment or datetime.now(UTC).astimezone()).replace(tzinfo=None).astimezone()
