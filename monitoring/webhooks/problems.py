"""EXCEPTIONS: the API's problems for the exceptions of web-hooks."""

from __future__ import annotations

from core.api.problems import ExceptionTable, from_message
from monitoring.webhooks.services import WebhookBusy, WebhookDisabled

EXCEPTIONS: ExceptionTable = {
    WebhookBusy: from_message("webhook-busy"),
    WebhookDisabled: from_message("webhook-disabled"),
}
