"""The base of all models that validate user input: requests, camera settings, configuration."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationInfo, field_validator

from core.api.constraints import reject_boolean


class StrictModel(BaseModel):
    """Pydantic reads true as 1 and false as 0; this model accepts them only for boolean fields. It also refuses NaN and
    the infinities."""

    model_config = ConfigDict(allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def refuse_booleans_as_numbers(cls, value: Any, info: ValidationInfo) -> Any:
        return reject_boolean(value, cls.model_fields[str(info.field_name)].annotation)
