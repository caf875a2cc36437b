"""Components: the parts that pages share. Each is a template of `templates/components/`, which states its contract.

    {% panel "Channels" id="channels" %}
      {% fill more %}{{ waiting }} waiting{% endfill %}
      <p>…</p>
    {% endpanel %}

A component knows its own values alone, not those of the page. `fill` gives one of them as HTML. Those with a value
`content` have an end tag.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

from django import template
from django.template.base import FilterExpression, Node, NodeList, Parser, Token
from django.template.context import Context
from django.template.library import parse_bits
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from core.templatetags.skycam import icon

register = template.Library()

COMPONENTS: dict[str, tuple[str, ...]] = {
    "banner": ("tone", "glyph", "role", "id", "actions", "content"),
    "choice_bar": ("name", "label", "choices", "chosen"),
    "datetime_field": (
        "id", "name", "value", "label", "placeholder", "date_only", "free", "min", "max", "list", "first", "required",
        "invalid", "hint",
    ),
    "dialog_link": ("address", "label", "glyph", "tone", "id"),
    "empty_state": ("glyph", "panel", "role", "more", "content"),
    "field": ("label", "id", "error", "hint", "unit", "class", "after", "content"),
    "filter_bar": ("address", "button", "after", "content"),
    "form_end": ("button", "cancel", "tone", "glyph", "busy", "errors", "outcome", "more", "is_dialog"),
    "icon_link": ("glyph", "address", "label", "pager", "data"),
    "message": ("tone", "glyph", "role", "class", "content"),
    "older": ("link", "query", "newest", "class", "label"),
    "pager": ("previous", "next", "of", "content"),
    "panel": ("title", "name", "id", "oob", "class", "label", "more", "head", "content"),
    "post": ("address", "target", "swap", "class", "id", "autocomplete", "novalidate", "content"),
    "preview": ("address", "trigger", "form", "id", "class", "content"),
    "question": (
        "verb", "name", "address", "cancel", "title", "button", "busy", "glyph", "tone", "dialog", "refusal",
        "autocomplete", "before", "fields", "content",
    ),
    "refusal": ("sentence", "before", "role"),
    "select_filter": ("name", "all", "options", "chosen"),
    "submit": ("label", "busy", "glyph", "tone", "of", "name", "value", "confirm", "effect", "verb"),
    "text_filter": ("name", "value", "placeholder", "label", "longest", "kind", "class"),
    "table": ("label", "columns", "class", "head", "content"),
}  # fmt: skip
"""Tag -> its values; those without a name stand in this order."""


class FillNode(Node):
    """A value of the component around it, as HTML."""

    def __init__(self, name: str, nodelist: NodeList) -> None:
        self.name, self.nodelist = name, nodelist

    def render(self, context: Context) -> SafeString:
        return mark_safe(self.nodelist.render(context).strip())  # noqa: S308 - HTML of the page's template


class ComponentNode(Node):
    def __init__(self, name: str, values: dict[str, FilterExpression], nodelist: NodeList) -> None:
        self.name, self.values, self.nodelist = name, values, nodelist
        self.fills = [node for node in nodelist if isinstance(node, FillNode)]
        self.content = FillNode("content", NodeList(node for node in nodelist if not isinstance(node, FillNode)))

    def render(self, context: Context) -> SafeString:
        values = {name: value.resolve(context) for name, value in self.values.items()}
        values |= {fill.name: fill.render(context) for fill in (*self.fills, self.content)}
        engine = context.template.engine  # type: ignore[union-attr]
        found = engine.get_template(f"components/{self.name}.html")
        return found.render(context.new({**values, "csrf_token": context.get("csrf_token")}))


def component(name: str, names: tuple[str, ...]) -> Callable[[Parser, Token], ComponentNode]:
    """The compilation of a component's tag. A value that it does not have is an error of the template."""

    def compile_tag(parser: Parser, token: Token) -> ComponentNode:
        args, named = parse_bits(
            parser, token.split_contents()[1:], names, None, None, ("",) * len(names), [], None, False, name
        )
        nodelist = NodeList()
        if "content" in names:
            nodelist = parser.parse((f"end{name}",))
            parser.delete_first_token()
        for node in nodelist:
            if isinstance(node, FillNode) and node.name not in names:
                raise template.TemplateSyntaxError(f"{name} has no value {node.name} to fill.")
        return ComponentNode(name, dict(zip(names, args, strict=False)) | named, nodelist)

    return compile_tag


for tag, values in COMPONENTS.items():
    register.tag(tag, component(tag, values))


@register.tag
def fill(parser: Parser, token: Token) -> FillNode:
    nodelist = parser.parse(("endfill",))
    parser.delete_first_token()
    return FillNode(token.split_contents()[1], nodelist)


class Column(NamedTuple):
    label: str
    classes: str
    is_hidden: bool


@register.filter
@lru_cache(maxsize=1024)
def columns(text: str) -> list[Column]:
    """The columns of a table from `Name | #Number | ~Not on a phone | (For screen readers alone)`."""
    return [column(part.strip()) for part in text.split("|")]


def column(text: str) -> Column:
    label = text.lstrip("#~")
    marks = text[: len(text) - len(label)]
    classes = " ".join(name for mark, name in (("#", "num"), ("~", "hide-s")) if mark in marks)
    is_hidden = label.startswith("(")
    return Column(label[1:-1] if is_hidden else label, classes, is_hidden)


@register.filter
def url(name: str, argument: Any = None) -> str:
    """The address of a route with at most one argument, as a value of a component: `"sensor"|url:sensor.name`."""
    return reverse(name, args=[] if argument is None else [argument])


# In Python, because lists and accounts have hundreds.
@register.simple_block_tag
def state(content: str, tone: str = "", glyph: str = "", title: str = "") -> SafeString:
    """The glyph and words of a state, such as `{% state "warn" "stale" %}Unknown{% endstate %}`. As `chip`, for a state
    that is known only to the page. The glyph is that of the tone unless it is given."""
    text = mark_safe(content.strip())  # noqa: S308 - HTML of the page's template
    attributes = format_html(' title="{}"', title) if title else ""
    return format_html('<span class="{}"{}>{}{}</span>', f"st {tone}".strip(), attributes, icon(glyph or tone.split()[0]), text)


@register.simple_block_tag
def fact(content: str, label: str, cls: str = "") -> SafeString:
    """A label and what is said of it, in a list of facts (`<dl class="kv">`)."""
    text = mark_safe(content.strip())  # noqa: S308 - HTML of the page's template
    attributes = format_html(' class="{}"', cls) if cls else ""
    return format_html("<dt>{}</dt><dd{}>{}</dd>", label, attributes, text)
