"""Imports run as docs/architecture.md says: layer by layer, helpers never from tools, nothing heavy."""

import ast
import functools
import re
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
HEAVY = {
    "IPython", "ipywidgets", "jinja2", "jsonschema", "junitparser", "matplotlib", "nbconvert", "pandas",
    "playwright", "pooch", "requests", "scipy", "sphinx", "torch", "tqdm",
}  # fmt: skip


def module_of(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_of(path): path for top in ("helpers", "tools") for path in (ROOT / top).rglob("*.py")}


def unit(module):
    """The module or package right under helpers or tools: `helpers.checks` of `helpers.checks.judge`."""
    return ".".join(module.split(".")[:2])


def imports(source, module="", known=MODULES):
    """What Python code imports: (as soon as it is imported, later in a function)."""
    at_once, later, todo = set(), set(), [(ast.parse(source), False)]
    while todo:
        node, inside = todo.pop()
        inside |= isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        inside |= isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        todo += [(child, inside) for child in ast.iter_child_nodes(node) if not isinstance(child, ast.expr)]
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{module}: imports are absolute"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            names = [name if name in known else node.module for name in names]
        (later if inside else at_once).update(names)
    return at_once, later


@functools.cache
def graph():
    return {name: imports(path.read_text(encoding="utf-8"), name) for name, path in MODULES.items()}


def own(names):
    return {name for name in names if name.split(".")[0] in ("helpers", "tools")}


@functools.cache
def layers():
    """The units of helpers in the order of the page's table, the lowest layer first."""
    table = PAGE.split("## Layers of helpers")[1].split("\n## ")[0]
    rows = re.findall(r"^\| \d [^|]*\|([^|]*)\|", table, re.M)
    return [re.findall(r"`(\w+)`", row) for row in rows]


def test_the_page_names_every_unit_once():
    units = [f"helpers.{name}" for layer in layers() for name in layer]
    assert sorted(units) == sorted({unit(name) for name in MODULES if name.startswith("helpers.")})
    tools = PAGE.split("## Tools")[1].split("\n## ")[0]
    named = {f"tools.{name}" for line in tools.splitlines() if line.startswith("|") for name in
             re.findall(r"`(\w+)`", line.split("|")[1])}
    assert named == {unit(name) for name in MODULES if name.startswith("tools.")}


def test_helpers_never_import_tools_and_neither_imports_tests_or_solutions():
    everything = {name: at_once | later for name, (at_once, later) in graph().items()}
    wrong = [
        (name, each)
        for name, names in everything.items()
        for each in names
        if each.split(".")[0] in ("tests", "solutions", *["tools"] * name.startswith("helpers"))
    ]
    assert not wrong


def test_helpers_import_from_their_layer_or_below():
    height = {f"helpers.{name}": number for number, layer in enumerate(layers()) for name in layer}
    upwards = [
        (name, each)
        for name, (at_once, later) in graph().items()
        for each in own(at_once | later)
        if name.startswith("helpers.") and "." in each and height[unit(each)] > height[unit(name)]
    ]
    assert not upwards


def cycle(edges):
    try:
        TopologicalSorter(edges).prepare()
    except CycleError as error:
        return error.args[1]
    return None


def test_no_module_imports_itself_in_a_circle():
    assert cycle({name: own(at_once | later) - {name} for name, (at_once, later) in graph().items()}) is None
    assert cycle({"a": {"b"}, "b": {"c"}, "c": {"a"}})


def test_no_tool_imports_itself_in_a_circle():
    edges = {}
    for name, (at_once, later) in graph().items():
        edges.setdefault(unit(name), set()).update(map(unit, own(at_once | later)))
    tools = {name: {each for each in to if each.startswith("tools.")} - {name} for name, to in edges.items()}
    assert cycle({name: to for name, to in tools.items() if name.startswith("tools.")}) is None


@functools.cache
def heavy(module):
    """The heavy libraries that importing `module` imports, by way of its own packages and imports."""
    seen, todo, found = set(), [module], set()
    while todo:
        name = todo.pop()
        if name in seen:
            continue
        seen.add(name)
        if name in MODULES:
            parents = name.split(".")[:-1]
            todo += [".".join(parents[: k + 1]) for k in range(len(parents))]
            at_once, _ = graph()[name]
            todo += own(at_once)
            found |= {each.split(".")[0] for each in at_once} & HEAVY
    return found


def test_torch_is_imported_where_the_page_says_so():
    [said] = re.findall(r"^`torch` comes with (.*), and with single modules of (.*)\.$", PAGE, re.M)
    whole, parts = ({f"helpers.{name}" for name in re.findall(r"`(\w+)`", text)} for text in said)
    with_torch = {name for name in MODULES if "torch" in heavy(name)}
    assert {name for name in with_torch if name == unit(name)} == whole
    assert {unit(name) for name in with_torch} == whole | parts


def test_nothing_else_that_is_heavy_is_imported_before_it_is_needed():
    there = {
        "helpers.live.widgets": {"IPython", "ipywidgets"},   # of a live notebook
        "tools.grade.reports.pages": {"jinja2"},
        "tools.grade.reports.junit": {"junitparser"},
        "tools.grade.gradebook": {"jinja2", "junitparser"},
    }
    found = {name: heavy(name) - {"torch"} for name in MODULES}
    extension = {name for name in MODULES if name.startswith("tools.site.") and found[name] == {"sphinx"}}
    assert {name: each for name, each in found.items() if each and name not in extension} == there


@pytest.mark.parametrize("module", [name for name in MODULES if re.search(r"\.(cli|__main__)$", name)])
def test_a_commands_help_waits_for_nothing_heavy(module):
    assert not heavy(module)


def test_what_code_imports():
    source = "import a.b\nfrom c import d, e\nif TYPE_CHECKING:\n    import f\n"
    source += "def g():\n    try:\n        from c import h\n    except E:\n        import i\n"
    assert imports(source, known={"c.d", "c.h"}) == ({"a.b", "c.d", "c"}, {"f", "c.h", "i"})
