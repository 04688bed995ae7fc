"""Wings: rooms of a size one can know, no circle among modules, every wing in its order."""

from __future__ import annotations

import graphlib
import tomllib
from pathlib import Path

import grimp

from tests.verbs import handlers
from tui_cytpix.domain.jobs.specs import KINDS
from tui_cytpix.formats.sample.registry import READERS
from tui_cytpix.ui import app

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "tui_cytpix"
MOST = 14  # modules in a folder


def test_no_module_imports_itself_by_way_of_others() -> None:
    """Imports inside functions and those for types count too."""
    graph = grimp.build_graph("tui_cytpix", cache_dir=None)
    arrows = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    graphlib.TopologicalSorter(arrows).prepare()  # raises CycleError, which names the circle


def test_no_module_is_there_for_tests_alone() -> None:
    """Each is reached from what people and jobs start: programs, and what is imported by its name."""
    graph = grimp.build_graph("tui_cytpix", cache_dir=None)
    started = {m for m in graph.modules if 'if __name__ == "__main__":' in source(m)}
    screens = {f"tui_cytpix.ui.screens.{module}" for module, _ in app._SCREENS.values()}
    verbs = {f"tui_cytpix.cli.{handler.partition(':')[0]}" for handler in handlers() if handler}
    readers = {f"tui_cytpix.formats.sample.{reader.module}" for reader in READERS}
    reached = started | screens | verbs | readers | {f"tui_cytpix.engine.jobs.{kind}" for kind in KINDS}
    for module in list(reached):
        reached |= graph.find_upstream_modules(module)
    packages = {parent for module in reached for parent in parents(module)}
    assert sorted(graph.modules - reached - packages) == []


def source(module: str) -> str:
    path = ROOT.joinpath(*module.split("."))
    return (path / "__init__.py" if path.is_dir() else path.with_suffix(".py")).read_text("utf-8")


def parents(module: str) -> list[str]:
    parts = module.split(".")
    return [".".join(parts[:n]) for n in range(1, len(parts))]


def test_no_folder_holds_more_modules_than_one_can_know() -> None:
    folders = {path.parent for path in PACKAGE.rglob("*.py")}
    sizes = {folder: sum(path.stem != "__init__" for path in folder.glob("*.py")) for folder in folders}
    assert {str(folder.relative_to(ROOT)): size for folder, size in sizes.items() if size > MOST} == {}


def test_every_wing_says_what_it_holds() -> None:
    empty = [
        str(init.relative_to(ROOT)) for init in PACKAGE.rglob("__init__.py") if not init.read_text("utf-8").strip()
    ]
    assert empty == []


def test_every_room_with_wings_has_their_order() -> None:
    """`lint-imports` holds them to it: no arrow points back, and no module stands beside the order."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    layers = [one for one in project["tool"]["importlinter"]["contracts"] if one["type"] == "layers"]
    ordered = {container for one in layers if one["exhaustive"] for container in one["containers"]}
    inner = {init.parent.parent for init in PACKAGE.rglob("__init__.py")} - {ROOT, PACKAGE}
    assert {".".join(folder.relative_to(ROOT).parts) for folder in inner} == ordered
