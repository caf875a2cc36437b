"""Prints how large the project is, and how often it says the same: `python scripts/size_report.py [TREE ...]`.

Each tree is a work tree of the project, and becomes a column; by default this one. Tests, benchmarks, scripts,
documents and migrations are not counted. A line of code has a token that is neither a comment nor a docstring.
`--where` lists the definitions of resources instead.
"""

from __future__ import annotations

import ast
import io
import subprocess
import sys
import tokenize
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from statistics import median
from typing import Any

PACKAGES = ("cameras", "captures", "scheduler", "monitoring", "core", "skycam_project", "client")
SURFACES = {
    "command line": ("skycam_project/cli/*",),
    "configuration file": ("skycam_project/config/*", "skycam_project/provisioning/*"),
    "admin": ("skycam_project/admin/*", "*/admin.py"),
    "service on port 8001": ("captures/pixelink_service/*", "skycam_project/service/*"),
    "descriptions of resources": ("core/resources/*", "*/resource.py", "*/resources.py"),
    "API views": ("*/api.py", "*_api.py", "*_api/*"),
    "API bodies": ("*/bodies.py", "*_bodies.py", "*/body.py", "*/serializers.py"),
    "API requests": ("*/requests.py", "*_requests.py"),
    "forms": ("*/forms.py", "*_forms.py", "*/forms/*"),
    "URLs": ("*/urls.py",),
    "pages": ("*/pages.py", "*_pages.py", "*/pages/*", "*_pages/*"),
}
"""Surface -> patterns of its files. A file belongs to the first surface that it matches."""
RESOURCES = {
    "notification route": "name channel position enabled continue_matching severity key_prefix camera host active_from "
    "active_until quiet_from quiet_until group_wait_s repeat_every_s escalate_after_s escalate_to notify_resolved "
    "attach_picture night_reports",
    "alert rule": "name kind label subject threshold clear for_s clear_for_s severity enabled",
    "schedule": "name cameras programme window moon weekdays first_night last_night priority enabled on_held",
    "experiment": "name method description operator tags cameras planned_start planned_end record pre_roll_s "
    "post_roll_s still_interval_s",
    "off-site destination": "name kind settings secret host_key classes cameras enabled keep_local bytes_per_s begin "
    "end",
    "maintenance window": "id subject from to reason running created created_by",
}
"""Resource -> the fields that a request may set (of windows, those of the answer): they are looked for elsewhere."""
COLUMNS = {"begins_at": "from", "from_": "from", "ends_at": "to", "created_at": "created"}
"""Other names of these fields."""
NAMED = 0.55
"""Part of a resource's fields that a definition of it names."""
NO_TOKENS_OF_CODE = frozenset({
    tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENCODING,
    tokenize.ENDMARKER,
})  # fmt: skip
FUNCTION = ast.FunctionDef | ast.AsyncFunctionDef
DEFINITION = FUNCTION | ast.ClassDef


@dataclass
class Module:
    path: str
    nodes: list[ast.AST]
    code: set[int]
    """Numbers of the lines of code."""

    def lines_of(self, node: ast.stmt) -> int:
        return len(self.code & set(range(node.lineno, (node.end_lineno or 0) + 1)))


def read(path: str, text: str) -> Module:
    all_nodes = list(ast.walk(ast.parse(text)))
    docstrings = {
        (node.lineno, node.col_offset)
        for node in all_nodes
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    }
    code = {
        line
        for token in tokenize.generate_tokens(io.StringIO(text).readline)
        if token.type not in NO_TOKENS_OF_CODE and token.start not in docstrings
        for line in range(token.start[0], token.end[0] + 1)
    }
    return Module(path, all_nodes, code)


def modules_of(tree: Path) -> list[Module]:
    listed = subprocess.check_output(["git", "ls-files", "-co", "--exclude-standard", "*.py"], cwd=tree, text=True)
    paths = [path for path in listed.splitlines() if path.startswith(PACKAGES) and "/migrations/" not in path]
    return [read(path, (tree / path).read_text(encoding="utf-8")) for path in sorted(paths) if (tree / path).is_file()]


def nodes(modules: list[Module], kind: Any) -> Iterator[tuple[Module, Any]]:
    return ((module, node) for module in modules for node in module.nodes if isinstance(node, kind))


def head(node: Any) -> set[int]:
    """The lines of its decorators, and those from `def` or `class` to the colon."""
    begin = min(one.lineno for one in (node, *node.decorator_list))
    return set(range(begin, max(node.lineno + 1, node.body[0].lineno)))


def derived(modules: list[Module], base: str) -> dict[int, ast.ClassDef]:
    """The classes below `base`, by the ids of their nodes. A base is followed to the module that defines it."""
    classes = [(module, node) for module, node in nodes(modules, ast.ClassDef)]
    origins = {module.path: imported(module) for module in modules}
    known, found = {("", base)}, dict[int, ast.ClassDef]()
    while more := [
        (module, node) for module, node in classes
        if id(node) not in found
        and any(origins[module.path].get(name, (module.path, name)) in known for name in map(last_name, node.bases))
    ]:  # fmt: skip
        found |= {id(node): node for _, node in more}
        known |= {(module.path, node.name) for module, node in more}
    return found


def imported(module: Module) -> dict[str, tuple[str, str]]:
    """Name of an import -> the module that it comes from, and its name there. The module is empty for a library."""
    found = {}
    for _, node in nodes([module], ast.ImportFrom):
        own = (node.module or "").startswith(PACKAGES)
        path = (node.module or "").replace(".", "/") + ".py" if own else ""
        found |= {name.asname or name.name: (path, name.name) for name in node.names}
    return found


def last_name(node: ast.expr) -> str:
    node = node.value if isinstance(node, ast.Subscript) else node
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def names_in(node: Any) -> set[str]:
    """Of a class, what its body assigns or annotates. Of a function, parameters, keywords and keys of dictionaries."""
    if isinstance(node, ast.ClassDef):
        targets = [one.target for one in node.body if isinstance(one, ast.AnnAssign)]
        targets += [target for one in node.body if isinstance(one, ast.Assign) for target in one.targets]
        return {target.id for target in targets if isinstance(target, ast.Name)}
    walked = list(ast.walk(node))
    keys = [key for one in walked if isinstance(one, ast.Dict) for key in one.keys]
    names = {str(key.value) for key in keys if isinstance(key, ast.Constant)}
    return names | {str(one.arg) for one in walked if isinstance(one, ast.arg | ast.keyword)}


def definitions(modules: list[Module], resource: str) -> list[str]:
    """The classes and functions that name at least NAMED of its fields."""
    fields = set(RESOURCES[resource].split())
    return [
        f"{module.path}:{node.name}" for module, node in nodes(modules, DEFINITION)
        if len({COLUMNS.get(name, name) for name in names_in(node)} & fields) >= NAMED * len(fields)
    ]  # fmt: skip


def figures(tree: Path) -> dict[str, str]:
    """Name of a figure -> its value."""
    modules = modules_of(tree)
    total = sum(len(module.code) for module in modules)
    functions, typed = list(nodes(modules, FUNCTION)), derived(modules, "TypedDict")
    typed_lines = sum(module.lines_of(node) for module, node in nodes(modules, ast.ClassDef) if id(node) in typed)
    bodies = [(module, node) for module, node in functions if node.name.endswith("_body")]
    imports = sum(module.lines_of(node) for module, node in nodes(modules, ast.Import | ast.ImportFrom))
    signatures = sum(len(module.code & head(node)) for module, node in nodes(modules, DEFINITION))
    decorators = (one for _, node in functions for one in node.decorator_list if isinstance(one, ast.Call))
    packages, surfaces = Counter[str](), Counter[str]()
    for module in modules:
        packages[module.path.split("/")[0]] += len(module.code)
        surface = (name for name, patterns in SURFACES.items() if any(fnmatch(module.path, one) for one in patterns))
        surfaces[next(surface, "")] += len(module.code)
    templates = [path.read_text(encoding="utf-8").count("\n") for path in (tree / "templates").rglob("*.html")]
    filled = sorted(len(module.code) for module in modules if module.code)
    found = {
        "code lines": total, **{f"in {name}": packages[name] for name in PACKAGES},
        "of surfaces": sum(surfaces[name] for name in SURFACES), **{name: surfaces[name] for name in SURFACES},
        "files": len(modules), "of them empty or a docstring": len(modules) - len(filled),
        "of them with 1 to 39 lines": sum(lines < 40 for lines in filled),
        "median": median(len(module.code) for module in modules), "imports": f"{imports} ({imports / total:.1%})",
        "signatures": f"{signatures} ({signatures / total:.1%})",
        "TypedDicts": f"{len(typed)}, {typed_lines} lines",
        "`*_body` functions": f"{len(bodies)}, {sum(module.lines_of(node) for module, node in bodies)} lines",
        "pydantic classes": len(derived(modules, "BaseModel")),
        "commands": sum(last_name(one.func) == "command" for one in decorators),
        "templates": f"{len(templates)}, {sum(templates)} lines",
    }  # fmt: skip
    for name, fields in RESOURCES.items():
        found[f"definitions of {name}"] = f"{len(definitions(modules, name))} of {len(fields.split())} fields"
    return {name: f"{value:,}" if isinstance(value, int) else str(value) for name, value in found.items()}


def main(arguments: list[str]) -> None:
    trees = [Path(one) for one in arguments if one != "--where"] or [Path(__file__).resolve().parents[1]]
    if "--where" in arguments:
        modules = modules_of(trees[-1])
        for name in RESOURCES:
            print(name, *definitions(modules, name), sep="\n  ")
        return
    columns = [figures(tree) for tree in trees]
    print("| figure |", " | ".join(tree.resolve().name for tree in trees), "|")
    print("|---|" + "---|" * len(trees))
    for name in columns[0]:
        print(f"| {name} |", " | ".join(column[name] for column in columns), "|")


if __name__ == "__main__":
    main(sys.argv[1:])
