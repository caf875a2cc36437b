"""The routes of readings."""

from __future__ import annotations

from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from core.resources.answers import body_of
from monitoring.readings.answers import ReadingsBody
from monitoring.readings.export import export_lines
from monitoring.readings.requests import ExportQuery, ReadingQuery
from monitoring.readings.services import readings


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
