"""The body of a request to record, validated before anything is stored."""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict, Field

from core.api.model import StrictModel


class RecordBody(StrictModel):
    model_config = ConfigDict(extra="forbid")

    kind: Literal["rolling", "manual"] = Field(
        "rolling", description="Retention deletes old rolling clips, never manual ones. Without it: the current kind."
    )

    @property
    def named(self) -> str:
        """The requested kind; empty without one."""
        # The default is for the schema: without a kind a running recording keeps its own, and manual clips stay manual.
        return self.kind if "kind" in self.model_fields_set else ""
