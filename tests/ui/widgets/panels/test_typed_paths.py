"""Paths as people type them, and as Tab completes them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tui_cytpix.ui.widgets.panels.typed_paths import complete, typed_path


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = tmp_path / "home"
    for folder in ("tubes/tube-1", "tubes/tube-2", "runs", ".cache"):
        (home / folder).mkdir(parents=True)
    (home / "tubes/tube 3.acs").touch()
    (home / "runs/it's here").touch()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.chdir(home)
    return home


def test_home_quotes_and_backslashes_are_taken(home: Path) -> None:
    there = home / "tubes/tube 3.acs"
    for text in (
        str(there),
        f" {there} ",
        f"'{there}'",
        f'"{there}"',
        str(there).replace(" ", "\\ "),
        "~/tubes/tube 3.acs",
        "'~/tubes/tube 3.acs'",
    ):
        assert typed_path(text) == there, text
    assert typed_path("runs/it's here") == Path("runs/it's here")
    assert typed_path("it's new") == Path("it's new")
    assert typed_path("'a new one'") == Path("a new one")
    assert typed_path("a new one") == Path("a new one")
    assert typed_path("~nobody-has-this-name/x") == Path("~nobody-has-this-name/x")


def test_tab_goes_as_far_as_one_name_goes(home: Path) -> None:
    assert complete("tu") == ("tubes/", ())
    assert complete("~") == ("~/", ())
    assert complete("~/ru") == ("~/runs/", ())
    assert complete("tubes/") == ("tubes/tube", ["tube 3.acs", "tube-1/", "tube-2/"])
    assert complete("tubes/tube-") == ("tubes/tube-", ["tube-1/", "tube-2/"])
    assert complete(str(home / "tubes" / "tube ")) == (str(home / "tubes/tube 3.acs"), ())
    assert complete("'tubes/tube ") == ("tubes/tube 3.acs", ())
    assert complete("") == ("", ["runs/", "tubes/"])
    assert complete(".c") == (".cache/", ())
    assert complete("nothing/so") == ("nothing/so", ())
    assert complete("a\0b") == ("a\0b", ())
