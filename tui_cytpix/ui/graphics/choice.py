"""Which surface: as wished, and as the terminal allows."""

from __future__ import annotations

import os
import shutil
import subprocess

from tui_cytpix.ui.graphics import detection
from tui_cytpix.ui.graphics.detection import TerminalFacts
from tui_cytpix.ui.graphics.surface import Surface

FEW = "This terminal has 16 colours or fewer: pictures are drawn with shades (░▒▓)."
NO_SIZE = "The terminal does not tell how many pixels a character has: block characters are shown."
NO_KITTY = "Kitty graphics don't pass through tmux and screen: block characters are shown."
NO_SIXEL = "The terminal around tmux does not say that it draws Sixel: block characters are shown."


def choose(wanted: str, facts: TerminalFacts, *, few_colours: bool) -> tuple[Surface, str]:
    """The surface, and a sentence where it is not what one would expect; `wanted` one of user_settings.GRAPHICS."""
    if wanted == "unicode" or (wanted == "auto" and few_colours and not (facts.kitty or facts.sixel)):
        return Surface(shades=True), FEW if wanted == "auto" else ""
    kitty = wanted == "kitty" or (wanted == "auto" and facts.kitty)
    sixel = wanted == "sixel" or (wanted == "auto" and facts.sixel)
    if not kitty and not sixel:
        return Surface(quadrants=wanted != "halfblock"), ""
    if detection.multiplexed() and (kitty or not _tmux_draws_sixel()):
        return Surface(quadrants=True), NO_KITTY if kitty else NO_SIXEL
    cell_size = detection.cell_sizes(facts)
    if cell_size is None:
        return Surface(quadrants=True), NO_SIZE
    if kitty:
        from tui_cytpix.ui.graphics.kitty_surface import KittySurface

        return KittySurface(cell_size), ""
    from tui_cytpix.ui.graphics.sixel_surface import SixelSurface

    return SixelSurface(cell_size), ""


def _tmux_draws_sixel() -> bool:
    """What the terminal around tmux can do; tmux itself claims Sixel whatever is around it."""
    if "TMUX" not in os.environ or shutil.which("tmux") is None:
        return False
    command = ["tmux", "display", "-p", "#{client_termfeatures}"]
    try:
        said = subprocess.run(command, capture_output=True, text=True, timeout=2, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return "sixel" in said.stdout.strip().split(",")
