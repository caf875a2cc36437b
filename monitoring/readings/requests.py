"""Query parameters of readings."""

from __future__ import annotations

import time
from typing import Annotated, Self

from django.db.models import QuerySet
from pydantic import Field, model_validator

from core.api.queries import Query
from core.times.moments import Moment
from monitoring.models import SensorChannel
from monitoring.readings.levels import DAY_S, SOURCES

Text = Annotated[str, Field(max_length=80, pattern=r"^[^\x00]*$")]
MAX_POINTS = 2000
"""Points of a channel, unless the request names another limit."""
MAX_BUCKET_S = 366 * DAY_S
MAX_RAW_DAYS = 31


class RangeQuery(Query):
    """Channels and a range of time, by default the last day. A filter that matches nothing is no error."""

    sensor: Annotated[Text | None, Field(description="A sensor's name.")] = None
    channel: Annotated[Text | None, Field(description="The key of a channel.")] = None
    quantity: Annotated[Text | None, Field(description="Such as temperature.")] = None
    from_: Annotated[Moment | None, Field(alias="from", description="Not before; ISO 8601 with a zone.")] = None
    to: Annotated[Moment | None, Field(description="Before; ISO 8601 with a zone.")] = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        start, end = self.span()
        if start >= end:
            raise ValueError("`from` must be before `to`, which is now if it is missing.")
        if start < 0:
            raise ValueError("`from` must not be before 1970.")
        return self

    def span(self) -> tuple[float, float]:
        """Both ends in seconds since 1970."""
        end = self.to.timestamp() if self.to else time.time()
        return self.from_.timestamp() if self.from_ else end - DAY_S, end

    def channels(self) -> QuerySet[SensorChannel]:
        wanted = {"sensor__name": self.sensor, "key": self.channel, "quantity": self.quantity}
        given = {name: value for name, value in wanted.items() if value is not None}
        # The readings of a removed sensor are deleted in the background; another sensor may have its name.
        found = SensorChannel.objects.filter(sensor__removed_at=None, **given)
        return found.select_related("sensor").order_by("sensor__name", "key", "quantity")


class ReadingQuery(RangeQuery):
    bucket: Annotated[
        int, Field(ge=0, le=MAX_BUCKET_S, description="Seconds of a point; 0 for what fits the range best.")
    ] = 0
    limit: Annotated[int, Field(ge=10, le=10_000, description="Points of a channel, at most.")] = MAX_POINTS

    @model_validator(mode="after")
    def _has_few_points(self) -> Self:
        start, end = self.span()
        points = (end - start) / self.bucket if self.bucket else 0
        if points > self.limit:
            raise ValueError(
                f"`bucket`: {self.bucket} s would be {points:.0f} points of each channel, more than {self.limit}. "
                "Choose a longer bucket, a shorter range or a higher `limit`."
            )
        return self


class ExportQuery(RangeQuery):
    bucket: Annotated[int, Field(description="0 for each reading; 60, 600, 3600 or 86400 for aggregates.")] = 0

    @model_validator(mode="after")
    def _can_be_streamed(self) -> Self:
        if self.bucket not in SOURCES:
            raise ValueError("`bucket` must be 0, 60, 600, 3600 or 86400.")
        start, end = self.span()
        if not self.bucket and end - start > MAX_RAW_DAYS * DAY_S:
            raise ValueError(
                f"Readings are exported for at most {MAX_RAW_DAYS} days at once. "
                "Choose a shorter range, or minutes with `bucket=60`."
            )
        return self
