"""Textual's private names are used in one file alone."""

from __future__ import annotations

import ast
import functools
import inspect
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest
import textual

from tests.architecture.classes import PACKAGE, all_of_ui

HOME = "textual_private"
TEXTUAL = Path(textual.__file__).parent


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def imported(tree: ast.Module) -> Iterator[str]:
    """Private modules and names of Textual that are imported."""
    for node in ast.walk(tree):
        match node:
            case ast.ImportFrom(module=str(module)) if module.split(".")[0] == "textual":
                parts = [*module.split("."), *(alias.name for alias in node.names)]
            case ast.Import():
                names = [alias.name for alias in node.names if alias.name.startswith("textual.")]
                parts = [part for name in names for part in name.split(".")]
            case _:
                continue
        if any(map(is_private, parts)):
            yield f"{node.lineno}: {ast.unparse(node)}"


def mentioned(tree: ast.AST, *, stored: bool = False) -> set[str]:
    """Private names that code defines or keeps in `self`; unless only those are asked for, also what it reads of it."""
    names = set()
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                names.add(node.name)
            case ast.AnnAssign(target=ast.Name(id=name)) | ast.Assign(targets=[ast.Name(id=name)]):
                names.add(name)
            case ast.Attribute(value=ast.Name(id="self") | ast.Call(func=ast.Name(id="super"))):
                if not stored or isinstance(node.ctx, ast.Store):
                    names.add(node.attr)
    return set(filter(is_private, names))


@functools.cache
def own_names(one: type, *, stored: bool = False) -> frozenset[str]:
    """Those in the source of a class."""
    return frozenset(mentioned(ast.parse(textwrap.dedent(inspect.getsource(one))), stored=stored))


def taken(one: type) -> set[str]:
    """Textual's private names that a class uses or overrides, on purpose or not."""
    bases = [base for base in one.__mro__ if base.__module__.startswith("textual.")]
    theirs = {name for base in bases for name in own_names(base, stored=True)}
    return set(own_names(one) & theirs)


@functools.cache
def all_of_textual() -> frozenset[str]:
    trees = (ast.parse(path.read_text("utf-8")) for path in TEXTUAL.rglob("*.py"))
    return frozenset(name for tree in trees for name in mentioned(tree, stored=True))


def read_of_others(tree: ast.Module) -> Iterator[str]:
    """Reads of another object's private names that Textual has and the module has not."""
    own = mentioned(tree)
    modules = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(value=ast.Name(id=base)) if base == "self" or base in modules:
                pass
            case ast.Attribute(attr=name) if is_private(name) and name not in own and name in all_of_textual():
                yield f"{node.lineno}: {ast.unparse(node)}"


def trees() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        if path.stem != HOME:
            yield str(path.relative_to(PACKAGE)), ast.parse(path.read_text("utf-8"))


@pytest.mark.parametrize(
    "code",
    ["from textual._x import Y", "from textual.app import _y", "import textual._x", "from textual import _x as z"],
)
def test_a_private_import_is_found(code: str) -> None:
    assert list(imported(ast.parse(code)))


def test_an_override_and_a_use_are_found() -> None:
    from textual.widgets import DataTable

    class Table(DataTable):
        def _on_key(self) -> None:
            """Overrides."""

        def on_click(self) -> None:
            self._clear_caches()
            self._mine = 1

    assert taken(Table) == {"_clear_caches", "_on_key"}
    assert list(read_of_others(ast.parse("app._driver.write('x')")))


def test_private_modules_and_names_are_imported_in_one_file() -> None:
    assert [f"{name}:{one}" for name, tree in trees() for one in imported(tree)] == []


def test_no_class_uses_or_overrides_a_private_name() -> None:
    found = {one.__qualname__: taken(one) for one in all_of_ui() if not one.__module__.endswith(HOME)}
    assert {name: names for name, names in found.items() if names} == {}


def test_nobody_reads_a_private_name_of_another_object() -> None:
    assert [f"{name}:{one}" for name, tree in trees() if name.startswith("ui/") for one in read_of_others(tree)] == []
