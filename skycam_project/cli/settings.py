"""`skycam settings`: what is wished of a camera and what it has, and presets of it."""

from __future__ import annotations

from typing import Any

import click

from skycam_project.cli.operating import chosen
from skycam_project.cli.options import Assignment, Group
from skycam_project.cli.output import answer, facts, grid, say, show, warn
from skycam_project.cli.station import current


@click.group(cls=Group)
def settings() -> None:
    """Show a camera's settings, adopt what was changed on its body, and use presets."""


@settings.command("show")
@click.argument("slug")
@click.option("--refresh", is_flag=True, help="Ask the camera now.")
def show_settings(slug: str, refresh: bool) -> None:
    """Show what is wished of the camera SLUG, and what it has."""
    person = current().person("viewer")
    from cameras import services
    from cameras.bodies import settings_body

    camera = chosen(person, slug)
    answer(dict(settings_body(camera, services.refresh_settings(camera) if refresh else None)), draw_settings)


@settings.command("adopt")
@click.argument("slug")
def adopt(slug: str) -> None:
    """Wish what was changed on the body of the camera SLUG."""
    person = current().person("operator")
    from cameras import services
    from cameras.bodies import settings_body

    camera = chosen(person, slug)
    answer(dict(settings_body(camera, services.adopt_settings(camera, person.actor))), draw_settings)


@settings.group("presets", cls=Group)
def presets() -> None:
    """Settings under a name, for every camera of a kind."""


@presets.command("list")
@click.argument("slug")
def list_presets(slug: str) -> None:
    """List the presets for cameras of the kind of the camera SLUG."""
    person = current().person("viewer")
    from cameras.presets import preset_body, presets_for

    answer({"results": [dict(preset_body(preset)) for preset in presets_for(chosen(person, slug))]}, draw_presets)


@presets.command("save")
@click.argument("slug")
@click.argument("name")
@click.option("--set", "values", type=Assignment(), multiple=True, help="A setting; may be given several times.")
@click.option("--replace", is_flag=True, help="In the place of the preset of that name.")
def save(slug: str, name: str, values: tuple[tuple[str, Any], ...], replace: bool) -> None:
    """Save what is wished of the camera SLUG now, or the settings given, under NAME."""
    person = current().person("operator")
    from cameras.presets import preset_body, save_preset

    preset = save_preset(chosen(person, slug), name, dict(values) or None, person.actor, replace=replace)
    answer(dict(preset_body(preset)), lambda body: draw_preset(body, "Saved"))


@presets.command("apply")
@click.argument("slug")
@click.argument("name")
def apply(slug: str, name: str) -> None:
    """Wish of the camera SLUG exactly what the preset NAME holds."""
    person = current().person("operator")
    from cameras.bodies import settings_body
    from cameras.presets import apply_preset

    camera = chosen(person, slug)
    answer(dict(settings_body(camera, apply_preset(camera, name, person.actor))), draw_settings)


@presets.command("compare")
@click.argument("slug")
@click.argument("name")
def compare(slug: str, name: str) -> None:
    """Compare the preset NAME with what is wished of the camera SLUG and what it has."""
    person = current().person("viewer")
    from cameras.presets import compare_preset

    answer(dict(compare_preset(chosen(person, slug), name)), draw_comparison)


@presets.command("delete")
@click.argument("slug")
@click.argument("name")
def delete(slug: str, name: str) -> None:
    """Delete the preset NAME for cameras of the kind of the camera SLUG. No camera's settings change."""
    person = current().person("operator")
    from cameras.presets import delete_preset, preset_body, preset_for

    camera = chosen(person, slug)
    body = dict(preset_body(preset_for(camera, name)))
    delete_preset(camera, name, person.actor)
    answer(body, lambda body: say(f"Deleted {body['name']}."))


def draw_settings(body: dict[str, Any]) -> None:
    names = sorted(body["desired"].keys() | body["actual"].keys())
    changed = {one["name"] for one in body["differs"]}
    rows = [[name, body["desired"].get(name), body["actual"].get(name), word(name in changed)] for name in names]
    show(grid(["setting", "wished", "camera has", "on its body"], rows))
    warn(body["warnings"])


def word(changed: bool) -> str:
    return "changed" if changed else ""


def draw_presets(body: dict[str, Any]) -> None:
    rows = [[one["name"], one["kind"], said(one["settings"]), one["saved_by"]] for one in body["results"]]
    show(grid(["name", "kind", "settings", "saved by"], rows))


def said(settings: dict[str, Any]) -> str:
    return ", ".join(f"{name}={value}" for name, value in sorted(settings.items()))


def draw_preset(body: dict[str, Any], verb: str) -> None:
    say(f"{verb} {body['name']}.")
    facts(sorted(body["settings"].items()))


def draw_comparison(body: dict[str, Any]) -> None:
    columns = ["setting", "preset", "wished", "camera has", ""]
    rows = [
        [one["name"], one["preset"], one["desired"], one["actual"], "differs" if one["differs"] else "same"]
        for one in body["results"]
    ]
    show(grid(columns, rows))
