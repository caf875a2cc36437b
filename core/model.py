"""What every model of given values begins with: requests, settings of cameras, configuration."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationInfo, field_validator

from core.constraints import reject_boolean


class StrictModel(BaseModel):
    """pydantic takes true for 1 and false for 0. Here they are values of fields for true and false alone.
    NaN and the infinities are no values of any field."""

    model_config = ConfigDict(allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def refuse_booleans_as_numbers(cls, value: Any, info: ValidationInfo) -> Any:
        return reject_boolean(value, cls.model_fields[str(info.field_name)].annotation)
