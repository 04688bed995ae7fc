"""Textual's boxes that don't scroll, without the second layout that each asks for whenever one gives it a size."""

from __future__ import annotations

from textual import containers, widgets
from textual.geometry import Size
from textual.widget import Widget


class _Still(Widget):
    """What lies in it fills it: its virtual size is its size, and to take that needs neither layout nor paint.

    To be the second base: the style sheets follow the first.
    """

    def _size_updated(self, size: Size, virtual_size: Size, container_size: Size, layout: bool = True) -> bool:  # noqa: ARG002
        return super()._size_updated(size, virtual_size, container_size, layout=False)


class Vertical(containers.Vertical, _Still):
    """One below the other."""


class Horizontal(containers.Horizontal, _Still):
    """Side by side."""


class ContentSwitcher(widgets.ContentSwitcher, _Still):
    """One at a time."""
