"""Every tool of the annotation editor, by its id."""

from __future__ import annotations

from tui_cytpix.workflow.annotate import object_tools, outline_tools

TOOLS = {tool.id: tool for tool in (*object_tools.TOOLS, *outline_tools.TOOLS)}
