"""Compiling the library, and what is said where there is none, or one that must not be called."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tui_cytpix.core.kernel import build, library

compiler = pytest.mark.skipif(not any(map(shutil.which, build.COMPILERS)), reason="there is no C compiler")


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder with one C file of its own, in place of the package's; a library made there is looked for there."""
    (tmp_path / "one.c").write_text("unsigned sources_hash(void) { return SOURCES_HASH; }\n")
    monkeypatch.setattr(build, "HERE", tmp_path)
    for module in (build, library):
        monkeypatch.setattr(module, "LIBRARY", tmp_path / "kernel.so")
    monkeypatch.setattr(library, "_FUNCTIONS", {})
    monkeypatch.setattr(build, "FLAGS", [flag for flag in build.FLAGS if "visibility" not in flag])
    return tmp_path


def absent() -> str:
    return library._loaded.__wrapped__()[1]


@compiler
def test_it_is_compiled_where_there_is_a_compiler():
    """As an install does; a checkout that is run without one: python -m tui_cytpix.core.kernel.build."""
    assert library.why_absent() == ""


@compiler
def test_a_library_of_other_sources_is_not_called(place: Path):
    assert absent() == "it was not compiled"
    assert build.compiled() == ""
    assert sorted(path.name for path in place.iterdir()) == ["kernel.so", "one.c"]
    assert absent() == ""
    (place / "one.c").write_text((place / "one.c").read_text() + "\n")
    assert absent() == "it was compiled from other sources"


@compiler
def test_what_does_not_compile_leaves_no_library(place: Path):
    assert build.compiled() == ""
    (place / "two.c").write_text("int broken(\n")
    assert "two.c" in build.compiled()
    assert absent() == "it was not compiled"


def test_without_a_compiler_it_is_said(place: Path, monkeypatch):
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    assert build.compiled() == "there is no C compiler"
    monkeypatch.setenv("CC", str(place / "none"))
    assert "could not be run" in build.compiled()


def test_a_file_that_is_no_library_is_not_loaded(place: Path):
    (place / "kernel.so").write_bytes(b"\x7fELF")
    assert absent().startswith("it can't be loaded")


def test_its_absence_is_told_in_a_sentence(monkeypatch):
    monkeypatch.setattr(library, "why_absent", lambda: "it was not compiled")
    assert "not compiled. Where there is a C compiler" in library.absence()
    monkeypatch.setattr(library, "why_absent", lambda: "")
    assert library.absence() == ""
