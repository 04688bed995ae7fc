"""Tables of plain text."""

from __future__ import annotations

from textual.app import App, ComposeResult

from tui_cytpix.ui.widgets.tables.table import Table


class OneTable(App[None]):
    def compose(self) -> ComposeResult:
        yield Table(("Model", "Kind"))


async def test_columns_are_as_wide_as_their_cells_also_where_they_were_painted_too_early() -> None:
    """Textual measures cells once it is idle; on a busy machine a line is painted, and kept, before that."""
    app = OneTable()
    async with app.run_test(size=(60, 10)) as pilot:
        table = app.query_one(Table)
        table.fill([("a", ("general-full", "trained on simulated events"))])
        assert "general-full" not in table.render_line(1).text
        await pilot.pause()
        await pilot.pause()
        assert "general-full" in table.render_line(1).text
        assert "trained on simulated events" in table.render_line(1).text
