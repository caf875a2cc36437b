"""The forms of a resource that has no pages of its own."""

from __future__ import annotations

from typing import Any, ClassVar

from django.urls import URLPattern, path, reverse

from core.resources.pages import FormPage, PressPage, page_of
from core.resources.resource import Resource


class DerivedFormPage(FormPage):
    """`where`: the title of the page that it belongs to."""

    where: ClassVar[str]

    def context(self) -> dict[str, Any]:
        row, resource = self.stored(), self.resource
        found = {"where": self.where, "address": reverse(self.back)}
        if row is None:
            return {**found, "heading": f"Add a {resource.noun}", "button": "Add"}
        removal = reverse(f"remove-{resource.name}", args=[row.pk if resource.key == "id" else row.name])
        effect = resource.operation("remove").summary
        return {**found, "heading": str(row), "button": "Save", "remove": removal, "remove_effect": effect}


def pages_of(resource: Resource, back: str, where: str) -> list[URLPattern]:
    """A form for a new row and one for each row, with its removal. They lead to the page `back`, whose title is
    `where`. Their names begin with the operation, such as `add-notification_routes`."""
    row = f"<{resource.converter}:{resource.parameter}>/"
    pages = [("add", "add/", DerivedFormPage), ("change", row, DerivedFormPage), ("remove", f"{row}remove/", PressPage)]
    return [
        path(address, page_of(kind, resource, name, back, where=where), name=f"{name}-{resource.name}")
        for name, address, kind in pages
    ]
