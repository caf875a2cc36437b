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
from functools import cached_property, lru_cache
from typing import Any

from django import template
from django.template import Engine
from django.template.base import FilterExpression, Node, NodeList, Parser, Template, Token, token_kwargs
from django.template.context import Context
from django.urls import reverse
from django.utils.html import conditional_escape, format_html
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
    "filter_bar": ("address", "button", "class", "after", "content"),
    "form_end": ("button", "cancel", "tone", "glyph", "busy", "errors", "outcome", "preview", "is_dialog"),
    "icon_link": ("glyph", "address", "label", "of", "pager", "data"),
    "message": ("tone", "glyph", "role", "id", "class", "content"),
    "older": ("link", "query", "newest", "anchor", "class", "label"),
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
    "table": ("label", "columns", "class", "is_plain", "head", "content"),
}  # fmt: skip
"""Tag -> its values, in the order in which they may stand without their names. One that is not given is empty."""


class FillNode(Node):
    """A value of the component around it, as HTML."""

    def __init__(self, name: str, nodelist: NodeList) -> None:
        self.name, self.nodelist = name, nodelist

    def html(self, context: Context) -> SafeString:
        return mark_safe(self.nodelist.render(context).strip())  # noqa: S308 - HTML of the page's template

    def render(self, context: Context) -> SafeString:
        raise template.TemplateSyntaxError(f"fill {self.name} does not stand directly in a component.")


class ComponentNode(Node):
    """`values` were given in the tag, `nodelist` stands between it and its end."""

    def __init__(self, name: str, values: dict[str, FilterExpression], nodelist: NodeList) -> None:
        self.name, self.values, self.nodelist = name, values, nodelist
        self.fills = [node for node in nodelist if isinstance(node, FillNode)]
        if content := [node for node in nodelist if not isinstance(node, FillNode)]:
            self.fills.append(FillNode("content", NodeList(content)))
        self.missing = dict.fromkeys(COMPONENTS[name], "")

    def render(self, context: Context) -> SafeString:
        values = self.missing | {name: value.resolve(context) for name, value in self.values.items()}
        for fill in self.fills:
            values[fill.name] = fill.html(context)
        values["csrf_token"] = context.get("csrf_token")
        page = context.dicts
        # As `context.new()`, which would copy all of the context: a list has hundreds of components.
        context.dicts = [page[0], values]
        try:
            return self.template.nodelist.render(context)
        finally:
            context.dicts = page

    @cached_property
    def template(self) -> Template:
        return Engine.get_default().get_template(f"components/{self.name}.html")


def component(name: str, names: tuple[str, ...]) -> Callable[[Parser, Token], ComponentNode]:
    """The compilation of a component's tag. A value that it does not have is an error of the template."""

    def compile_tag(parser: Parser, token: Token) -> ComponentNode:
        values, in_order = dict[str, FilterExpression](), iter(names)
        for bit in token.split_contents()[1:]:
            values |= token_kwargs([bit], parser) or {next(in_order, bit): parser.compile_filter(bit)}
        nodelist = NodeList()
        if "content" in names:
            nodelist = parser.parse((f"end{name}",))
            parser.delete_first_token()
        fills = {node.name for node in nodelist if isinstance(node, FillNode)}
        if unknown := (values.keys() | fills) - set(names):
            raise template.TemplateSyntaxError(f"{name} has no value {', '.join(sorted(unknown))}.")
        return ComponentNode(name, values, nodelist)

    return compile_tag


for tag, values in COMPONENTS.items():
    register.tag(tag, component(tag, values))


@register.tag
def fill(parser: Parser, token: Token) -> FillNode:
    nodelist = parser.parse(("endfill",))
    parser.delete_first_token()
    return FillNode(token.split_contents()[1], nodelist)


@register.filter
@lru_cache(maxsize=1024)
def columns(text: str) -> SafeString:
    """The headings of a table from `Name | #Number | ~Not on a phone | (For screen readers alone)`."""
    return mark_safe("".join(column(part.strip()) for part in text.split("|")))  # noqa: S308 - escaped by `column`


def column(text: str) -> SafeString:
    label = text.lstrip("#~")
    marks = text[: len(text) - len(label)]
    classes = " ".join(name for mark, name in (("#", "num"), ("~", "hide-s")) if mark in marks)
    attributes = format_html(' class="{}"', classes) if classes else ""
    shown = format_html('<span class="vh">{}</span>', label[1:-1]) if label.startswith("(") else label
    return format_html('<th scope="col"{}>{}</th>', attributes, shown)


@register.filter
@lru_cache(maxsize=4096)
def url(name: str, argument: Any = None) -> str:
    """The address of a route with at most one argument, as a value of a component: `"sensor"|url:sensor.name`. The tag
    `url` takes ten times as long."""
    return reverse(name, args=[] if argument is None else [argument])


# In Python, because lists and accounts have hundreds.
@register.simple_block_tag
def state(content: str, tone: str = "", glyph: str = "", title: str = "") -> SafeString:
    """The glyph and words of a state, such as `{% state "warn" "stale" %}Unknown{% endstate %}`. As `chip`, for a state
    that is known only to the page. The glyph is that of the tone unless it is given."""
    attributes = f'class="st {conditional_escape(tone)}"' + (f' title="{conditional_escape(title)}"' if title else "")
    return mark_safe(f"<span {attributes}>{icon(glyph or tone)}{content.strip()}</span>")  # noqa: S308 - HTML of the page


@register.simple_block_tag
def fact(content: str, label: str, cls: str = "") -> SafeString:
    """A label and what is said of it, in a list of facts (`<dl class="kv">`)."""
    attributes = f' class="{conditional_escape(cls)}"' if cls else ""
    text = f"<dt>{conditional_escape(label)}</dt><dd{attributes}>{content.strip()}</dd>"
    return mark_safe(text)  # noqa: S308 - HTML of the page
