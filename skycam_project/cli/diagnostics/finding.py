from __future__ import annotations

from dataclasses import asdict, dataclass

OK, WARNING, BROKEN = "ok", "warning", "broken"


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of a check: `state` is ok, warning or broken; `remedy` says what to do."""

    check: str
    state: str
    detail: str
    remedy: str = ""

    def body(self) -> dict[str, str]:
        return asdict(self)
