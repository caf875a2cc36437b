"""The forms of a resource that has no pages of its own."""

from __future__ import annotations

from typing import Any

from django.urls import URLPattern, path, reverse

from core.resources.pages import FormPage, PressPage, page_of
from core.resources.resource import Resource


class DerivedFormPage(FormPage):
    def context(self) -> dict[str, Any]:
        row, resource = self.stored(), self.resource
        found = {"back_address": reverse(self.back), "heading": f"Add a {resource.noun}", "button": "Add"}
        if row is None:
            return found
        removal = reverse(f"remove-{resource.name}", args=[row.pk if resource.key == "id" else row.name])
        effect = resource.operation("remove").summary
        return {**found, "heading": str(row), "button": "Save", "remove": removal, "remove_effect": effect}


def pages_of(resource: Resource, back: str) -> list[URLPattern]:
    """A form for a new row and one for each row, with its removal. They lead to the page `back`. Their names begin with
    the operation, such as `add-notification_routes`."""
    row = f"<{'uuid' if resource.key == 'id' else 'slug'}:{resource.parameter}>/"
    pages = [("add", "add/", DerivedFormPage), ("change", row, DerivedFormPage), ("remove", f"{row}remove/", PressPage)]
    return [
        path(address, page_of(kind, resource, name, back), name=f"{name}-{resource.name}")
        for name, address, kind in pages
    ]
