"""Textual's boxes that don't scroll, without the second layout that each asks for whenever one gives it a size."""

from __future__ import annotations

from textual import containers, widgets

from tui_cytpix.ui.textual_private import Still


class Vertical(containers.Vertical, Still):
    """One below the other."""


class Horizontal(containers.Horizontal, Still):
    """Side by side."""


class ContentSwitcher(widgets.ContentSwitcher, Still):
    """One at a time."""
