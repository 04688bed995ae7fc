"""Every tool of the annotation editor, by its id."""

from __future__ import annotations

from tui_cytpix.workflow.annotate import centroid_tools, mask_tools

TOOLS = {tool.id: tool for tool in (*centroid_tools.TOOLS, *mask_tools.TOOLS)}
