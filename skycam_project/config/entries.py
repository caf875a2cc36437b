"""The items of a list in the file, derived from the request that adds such a row: `config apply` makes that request."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, create_model
from pydantic.fields import FieldInfo

from core.resources.fields import extra_of
from core.resources.sentences import allowed_text
from core.resources.values import Clock, HasPassword, ModelAt, Reference, choices_of, marker_of, plain_type, typed
from skycam_project.config.keys import Section, key

DAY_MINUTES = 24 * 60
NAMES = {"kind": "type", "slug": "id"}
"""Fields that have another name in the file."""


def singular(name: str) -> str:
    """`notification route` of `notification_routes`."""
    return name.removesuffix("s").replace("_", " ")


def entry_of(
    request: type[BaseModel], name: str, text: str = "", *, kinds: Iterable[str] = (), left_out: Iterable[str] = ()
) -> Any:
    """The section of an item. `kinds`: the known kinds of such rows."""
    fields: dict[str, Any] = {
        NAMES.get(one, one): (
            Literal[tuple(kinds)] if one == "kind" else annotation_of(about),
            entry_key(request, one, about, kinds),
        )
        for one, about in request.model_fields.items()
        if one not in left_out
    }
    return create_model(name, __base__=Section, __doc__=text, **fields)


def annotation_of(about: FieldInfo) -> Any:
    """As in the request, but rows of other lists are named, a value of an enumeration is its text, and a part is a
    mapping that the service reads."""
    if marker_of(about, Reference) is not None:
        return str
    if marker_of(about, ModelAt) is not None or is_model(about):
        return dict[str, Any] if about.default is not None else dict[str, Any] | None
    if choices := choices_of(about):
        return Literal[tuple(choices)]
    if marker_of(about, Clock) is not None:
        return Annotated[typed(about), BeforeValidator(clock_text)]
    return typed(about)


def is_model(about: FieldInfo) -> bool:
    kind = plain_type(about.annotation)
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def entry_key(request: type[BaseModel], name: str, about: FieldInfo, kinds: Iterable[str]) -> Any:
    default: Any = ... if about.is_required() else about.get_default(call_default_factory=True)
    if marker_of(about, Reference) is not None and default is None:
        default = ""
    allowed, is_secret = allowed_text(request, name), bool(extra_of(about, "secret") or marker_of(about, HasPassword))
    if name == "kind":
        allowed = ", ".join(sorted(kinds))
    if name == "settings" and not extra_of(about, "allowed"):
        default, allowed, is_secret = {}, "a mapping of the kind's settings", True
    return key(default, about.description or "", allowed, secret=is_secret, unset=extra_of(about, "unset") or "")


def clock_text(value: Any) -> Any:
    """YAML 1.1 reads 20:00 without quotes as the number 1200."""
    if type(value) is int and 0 <= value < DAY_MINUTES:
        return f"{value // 60:02}:{value % 60:02}"
    return value
