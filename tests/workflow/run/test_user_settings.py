"""The settings file: a damaged one is told, and no reason not to start."""

from __future__ import annotations

from pathlib import Path

import pytest

from tui_cytpix.workflow.run.user_settings import Settings, read_settings, remember_theme, remembered_theme


def test_no_file_means_defaults(tmp_path: Path) -> None:
    assert read_settings(tmp_path / "none.toml") == Settings()


def test_everything_is_read(tmp_path: Path) -> None:
    path = tmp_path / "settings.toml"
    path.write_text('theme = "cytpix-light"\ngraphics = "unicode"\n[keys]\n"app.help" = "h"\n')
    assert read_settings(path) == Settings("cytpix-light", "unicode", {"app.help": "h"})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("theme = ", "can't be read"),
        ("theme = 5", "theme must be a name"),
        ('graphics = "holograms"', "graphics must be one of"),
        ("keys = 5", "must be a table"),
        ("colour = 1", "is no setting"),
    ],
)
def test_what_is_wrong_is_told_and_left_at_its_default(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "settings.toml"
    path.write_text(text)
    found = read_settings(path)
    assert words in found.problems[0]
    assert (found.theme, found.graphics, found.keys) == ("", "auto", {})


def test_a_theme_is_remembered_and_a_damaged_memory_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert remembered_theme() == ""
    remember_theme("cytpix-light")
    assert remembered_theme() == "cytpix-light"
    (file,) = tmp_path.rglob("theme.json")
    for damaged in ("", "{", "3", "[1]"):
        file.write_text(damaged)
        assert remembered_theme() == ""
