"""The routes of readings: columns as JSON, and CSV that is streamed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.http import StreamingHttpResponse
from django.urls import path
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from core.resources.resource import body_of
from core.text.csv_lines import csv_line
from core.times.timestamps import stamp_ms
from monitoring.models import Reading, ReadingAggregate, ReadingQuality, SensorChannel
from monitoring.readings.answers import ReadingsBody
from monitoring.readings.services import ExportQuery, ReadingQuery, readings

CHUNK = 5000
"""Rows of a query. One query for all would keep a database's old rows as long as a slow client reads."""
CHANNEL = ("sensor", "channel", "label", "quantity", "unit")
AGGREGATE = ("mean", "minimum", "maximum", "count", "stale", "implausible", "missing")
QUALITIES = {int(quality): quality.label for quality in ReadingQuality}


def export_lines(query: ExportQuery) -> Iterator[str]:
    """The head, then the lines of one channel after another, by time in UTC."""
    yield csv_line(["time", *CHANNEL, *(AGGREGATE if query.bucket else ("value", "quality"))])
    start_s, end_s = query.span()
    for channel in query.channels():
        cells = [channel.sensor.name, channel.key, channel.display_name, channel.quantity, channel.unit.unit]
        if query.bucket:
            rows = _aggregates(channel, query.bucket, start_s, end_s)
        else:
            rows = _readings(channel, start_s, end_s)
        for at_ms, *values in rows:
            yield csv_line([stamp_ms(at_ms), *cells, *values])


def _readings(channel: SensorChannel, start_s: float, end_s: float) -> Iterator[tuple[Any, ...]]:
    rows = Reading.objects.filter(channel=channel, at_ms__lt=round(end_s * 1000)).order_by("at_ms")
    first_ms = round(start_s * 1000)
    while found := list(rows.filter(at_ms__gte=first_ms).values_list("at_ms", "value", "quality")[:CHUNK]):
        yield from ((at_ms, value, QUALITIES[quality]) for at_ms, value, quality in found)
        first_ms = found[-1][0] + 1


def _aggregates(channel: SensorChannel, seconds: int, start_s: float, end_s: float) -> Iterator[tuple[Any, ...]]:
    rows = ReadingAggregate.objects.filter(channel=channel, seconds=seconds, start_s__lt=round(end_s))
    first_s = int(start_s) // seconds * seconds
    columns = rows.order_by("start_s").values_list("start_s", *AGGREGATE)
    while found := list(columns.filter(start_s__gte=first_s)[:CHUNK]):
        yield from ((start * 1000, *values) for start, *values in found)
        first_s = found[-1][0] + 1


class ReadingsView(APIView):
    roles = {"GET": "viewer"}

    @extend_schema(operation_id="readings_list", parameters=ReadingQuery.parameters(), responses=ReadingsBody)
    def get(self, request: Request) -> Response:
        """What sensors measured, by channel; by default in the last day. `source` and `bucket_s` say what a point is:
        a reading, or the readings of that many seconds."""
        query: ReadingQuery = ReadingQuery.of(request)
        return Response(body_of(ReadingsBody, readings(query)))


class ReadingsCsvView(APIView):
    roles = {"GET": "viewer"}

    @extend_schema(
        operation_id="readings_export",
        parameters=ExportQuery.parameters(),
        responses={(200, "text/csv"): OpenApiTypes.STR},
    )
    def get(self, request: Request) -> StreamingHttpResponse:
        """The same as CSV, each reading or each minute, hour or day. A cell that a spreadsheet would calculate begins
        with an apostrophe."""
        query: ExportQuery = ExportQuery.of(request)
        headers = {"Content-Disposition": 'attachment; filename="readings.csv"'}
        return StreamingHttpResponse(export_lines(query), content_type="text/csv; charset=utf-8", headers=headers)


urlpatterns = [
    path("", ReadingsView.as_view()),
    path("export/", ReadingsCsvView.as_view()),
]
