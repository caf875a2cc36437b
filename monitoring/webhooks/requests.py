"""Bodies and query parameters of requests about web-hooks."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field

from core.api.model import StrictModel
from core.api.paging import Links
from core.api.queries import PageQuery
from core.text.names import Line
from monitoring.models import DeliveryState
from monitoring.webhooks.bodies import DeliveryBody
from monitoring.webhooks.kinds import check_patterns
from monitoring.webhooks.receiver_url import MAX_LENGTH, ReceiverUrl


def _stripped(value: object) -> object:
    return value.strip() if isinstance(value, str) else value


def _checked_url(text: str) -> str:
    return ReceiverUrl.parse(text).text


Name = Annotated[Line, BeforeValidator(_stripped), Field(min_length=1, max_length=60)]
Url = Annotated[str, BeforeValidator(_stripped), AfterValidator(_checked_url), Field(max_length=MAX_LENGTH)]
Kinds = Annotated[list[Annotated[str, Field(max_length=60)]], AfterValidator(check_patterns), Field(max_length=200)]


class WebhookRequest(StrictModel):
    """A new web-hook."""

    model_config = ConfigDict(extra="forbid", strict=True)
    name: Name
    url: Url
    kinds: Kinds
    enabled: bool = True


class WebhookChange(StrictModel):
    """Only the fields that are given change."""

    model_config = ConfigDict(extra="forbid", strict=True)
    name: Name | None = None
    url: Url | None = None
    kinds: Kinds | None = None
    enabled: bool | None = None


class DeliveryQuery(PageQuery):
    state: DeliveryState | None = None


class DeliveryPage(Links):
    results: list[DeliveryBody]
