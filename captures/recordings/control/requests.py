"""The bodies of requests to record and to stop, validated before anything is stored."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from captures.recordings.control.commands import Experiments
from core.resources.fields import Fields


class RecordBody(Fields):
    kind: Literal["rolling", "manual"] = Field(
        "rolling", description="Retention deletes old rolling clips, never manual ones. Without it: the current kind."
    )

    @property
    def named(self) -> str:
        """The requested kind; empty without one."""
        # The default is for the schema: without a kind a running recording keeps its own, and manual clips stay manual.
        return self.kind if "kind" in self.model_fields_set else ""


class StopRecordingBody(Fields):
    kind: Annotated[
        Literal["rolling", "manual"] | None, Field(description="Ends only the request for clips of this kind.")
    ] = None
    experiments: Annotated[
        Experiments,
        Field(
            description="What happens to experiments that record the camera. `ask`: the request is refused and names "
            "them; `keep`: they go on; `suspend`: their recording stops too, until the camera is recorded again, and "
            "their account shows the gap."
        ),
    ] = "ask"
