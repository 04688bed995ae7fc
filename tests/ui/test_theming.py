"""Themes are data files: good ones are taken, bad ones told together."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from rich.color import Color, ColorSystem
from rich.terminal_theme import TerminalTheme

from tui_cytpix.ui.theming import COLOURS, load_themes, parse_theme, rgb
from tui_cytpix.workflow.run.resources import shipped

XTERM = TerminalTheme(
    (0, 0, 0),
    (229, 229, 229),
    [(0, 0, 0), (205, 0, 0), (0, 205, 0), (205, 205, 0), (0, 0, 238), (205, 0, 205), (0, 205, 205), (229, 229, 229)],
    [
        (127, 127, 127),
        (255, 0, 0),
        (0, 255, 0),
        (255, 255, 0),
        (92, 92, 255),
        (255, 0, 255),
        (0, 255, 255),
        (255, 255, 255),
    ],
)  # xterm's own
GOOD = {"name": "mine", "dark": True, "colours": dict.fromkeys(COLOURS, "#102030")}


def test_the_shipped_themes_are_good() -> None:
    found = load_themes(shipped("themes"))
    assert found.problems == ()
    assert {theme.name: theme.dark for theme in found.themes} == {"cytpix-dark": True, "cytpix-light": False}


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """WCAG 2.1 contrast ratio."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("path", sorted(shipped("themes").glob("*.toml")), ids=lambda path: path.stem)
def test_text_is_readable(path: Path) -> None:
    colours = tomllib.loads(path.read_text())["colours"]
    for ground in ("background", "surface", "panel"):
        assert contrast(colours["foreground"], colours[ground]) >= 7.0
        for word in ("primary", "accent", "success", "warning", "error"):
            assert contrast(colours[word], colours[ground]) >= 3.0, (word, ground)


@pytest.mark.parametrize("path", sorted(shipped("themes").glob("*.toml")), ids=lambda path: path.stem)
def test_bold_words_are_readable_in_sixteen_colours(path: Path) -> None:
    """Rich takes the nearest of the 16; terminals show bold letters of the first eight in the bright ones."""
    theme = parse_theme(tomllib.loads(path.read_text()), few_colours=True)
    ground = theme.background
    assert ground is not None
    for word in (theme.primary, theme.accent, theme.error):
        assert word is not None
        number = Color.parse(word).downgrade(ColorSystem.STANDARD).number
        assert number is not None
        for shown in (number, number + 8 if number < 8 else number):
            seen = Color.from_ansi(shown).get_truecolor(XTERM)
            assert contrast(seen.hex, ground) >= 2.5, (word, shown)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"name": "No Good"}, "name"),
        ({"dark": "yes"}, "dark"),
        ({"colours": {}}, "lacks"),
        ({"colours": "blue"}, "missing"),
        ({"colours": {**GOOD["colours"], "primary": "nocolour"}}, "no colour"),
        ({"colours": {**GOOD["colours"], "primary": 7}}, "no colour"),
        ({"colours": {**GOOD["colours"], "pink": "#ffffff"}}, "has no pink"),
        ({"sixteen": {"pink": "#ffffff"}}, "has no pink"),
        ({"overlay": {"mask-outline": "zebra"}}, "no colour"),
        ({"extra": 1}, "unknown"),
    ],
)
def test_a_bad_theme_says_why(change: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        parse_theme({**GOOD, **change})


def test_bad_files_are_told_together_and_good_ones_kept(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text("name = ")
    (tmp_path / "b.toml").write_text("name = 'b'")
    (tmp_path / "c.toml").write_bytes(b"\xff\xfe")
    lines = "\n".join(f'{name} = "#102030"' for name in COLOURS)
    (tmp_path / "d.toml").write_text(f'name = "d"\ndark = false\n[colours]\n{lines}\n')
    found = load_themes(tmp_path)
    assert [theme.name for theme in found.themes] == ["d"]
    assert [problem.split(":")[0] for problem in found.problems] == ["a.toml", "b.toml", "c.toml"]


def test_overlay_colours_are_numbers() -> None:
    assert rgb({"mask-outline": "#010203"}, "mask-outline") == (1, 2, 3)
    assert rgb({}, "crosshair") == (55, 226, 255)
