"""Wings: rooms of a size one can know, no circle among modules, every wing in its order."""

from __future__ import annotations

import graphlib
import tomllib
from pathlib import Path

import grimp

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "tui_cytpix"
MOST = 14  # modules in a folder


def test_no_module_imports_itself_by_way_of_others() -> None:
    """Imports inside functions and those for types count too."""
    graph = grimp.build_graph("tui_cytpix", cache_dir=None)
    arrows = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    graphlib.TopologicalSorter(arrows).prepare()  # raises CycleError, which names the circle


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
