"""The parts that pages share (`core/templatetags/components.py`) are used, say what they take, and escape it."""

from __future__ import annotations

import re
import tomllib
from typing import Any

import pytest
from django.template import TemplateSyntaxError, engines

from core.templatetags.components import COMPONENTS, columns
from tests.harness.project import PROJECT

TEMPLATES = PROJECT / "templates"
PAGES = {
    str(path.relative_to(TEMPLATES)): path.read_text()
    for path in TEMPLATES.rglob("*.html")
    if path.parent.name != "components"
}
"""Templates that are not components: name -> text."""
WRITTEN_BY = {
    "banner": r'<div class="banner( ok| warn)?"( role="\w+")?>\s*{% icon',
    "empty_state": r'class="(panel )?empty"',
    "filter_bar": r'<div class="filters">\s*<form',
    "form_end": r">Cancel</a>\s*{% submit [^%]*%}\s*</div>",
    "icon_link": r'<a\s+class="btn quiet icon"\s+href="[^"]*"\s+title="[^"]*"\s+aria-label="[^"]*"\s*>',
    "message": r'<p class="(pb )?message (ok|warn|bad)"[^>]*>\s*{% icon "\w+" %}\s*<span>',
    "older": r'<p class="pb[^"]*">\s*<a class="btn" href="[^"]*{{ older }}',
    "pager": r'class="pager"',
    "preview": r'hx-swap="innerHTML"\s+hx-sync="this:queue last"',
    "question": r'<ul class="plain">\s*<li>\s*<b>(Kept|Removed):</b>',
    "refusal": r"{% if (\w+) %}\s*{% message \"bad\"[^%]*%}\s*{{ \1\|with_code }}\s*{% endmessage %}\s*{% endif %}",
    "state": r'<span class="st( ok| warn| bad| act)?">\s*{% icon',
    "table": r'<section class="tw" tabindex="0" aria-label="[^"]*">\s*<table( class="[^"]*")?>\s*<thead>\s*<tr>\s*<th',
}
"""What only the component may write."""


def rendered(text: str, **context: Any) -> str:
    return " ".join(engines["django"].from_string(text).render(context).split())


@pytest.mark.parametrize("name", COMPONENTS)
def test_a_component_is_used_by_at_least_two_templates(name: str) -> None:
    users = [page for page, text in PAGES.items() if re.search(rf"{{% {name} ", text)]
    assert len(users) >= 2, users


@pytest.mark.parametrize("name", WRITTEN_BY)
def test_no_page_writes_what_a_component_is_for(name: str) -> None:
    assert [page for page, text in PAGES.items() if re.search(WRITTEN_BY[name], text)] == []


@pytest.mark.parametrize("name", COMPONENTS)
def test_a_component_says_what_each_of_its_values_is(name: str) -> None:
    comment = " ".join(re.findall(r"^{# (.*) #}$", (TEMPLATES / f"components/{name}.html").read_text(), re.MULTILINE))
    assert [value for value in COMPONENTS[name] if f"`{value}`" not in comment] == []


def test_the_formatter_knows_the_tags_that_have_an_end() -> None:
    configured = tomllib.loads((PROJECT / "pyproject.toml").read_text())["tool"]["djangofmt"]["custom-blocks"]
    with_content = {name for name, values in COMPONENTS.items() if "content" in values}
    assert set(configured) == with_content | {"fact", "fill", "state"}


def test_a_value_is_given_in_order_by_name_or_filled() -> None:
    html = rendered('{% panel "Disks" id="disks" %}{% fill more %}<b>2</b>{% endfill %}full{% endpanel %}')
    assert '<h2 id="disks-title">Disks</h2>' in html
    assert '<span class="more"><b>2</b></span>' in html
    assert html.endswith("full </section>")


def test_a_component_does_not_know_the_values_of_the_page() -> None:
    assert "title" not in rendered("{% panel %}full{% endpanel %}", title="Disks", name="disks", more="all")


def test_a_value_of_a_user_is_escaped() -> None:
    assert "&lt;b&gt;" in rendered("{% panel title id='x' %}{% endpanel %}", title="<b>")
    assert "&lt;b&gt;" in rendered("{% state 'bad' %}{{ title }}{% endstate %}", title="<b>")
    assert "&lt;b&gt;" in rendered("{% fact title %}{{ title }}{% endfact %}", title="<b>")
    assert 'title="&lt;b&gt;' in rendered("{% state 'bad' title=title %}x{% endstate %}", title="<b>")


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("{% panel titel='Disks' %}{% endpanel %}", "panel has no value titel."),
        ("{% panel %}{% fill foot %}x{% endfill %}{% endpanel %}", "panel has no value foot."),
        ("{% panel %}{% if 1 %}{% fill more %}x{% endfill %}{% endif %}{% endpanel %}", "directly in a component"),
    ],
)
def test_a_wrong_use_of_a_component_is_an_error_of_the_template(text: str, what: str) -> None:
    with pytest.raises(TemplateSyntaxError, match=what):
        rendered(text)


def test_columns_have_marks_for_numbers_phones_and_screen_readers() -> None:
    assert columns("Name | #Files | #~Size, each | (Actions)") == (
        '<th scope="col">Name</th><th scope="col" class="num">Files</th>'
        '<th scope="col" class="num hide-s">Size, each</th><th scope="col"><span class="vh">Actions</span></th>'
    )


def test_a_form_has_the_token_that_protects_it(manager: Any) -> None:
    assert "csrfmiddlewaretoken" in manager.get("/accounts/").content.decode().split('id="tokens-title"')[1]
