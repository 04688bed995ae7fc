"""The library as a table that uses its width."""

from __future__ import annotations

from textual.app import App, ComposeResult

from tui_cytpix.domain.model_card import ModelCard, ModelEntry
from tui_cytpix.ui.widgets.tables.model_table import ModelTable

MADE_FOR = "Rounds, rods, septated and budding cells, chains of them, and clumps of several"
CARD = ModelCard("general-full", "full", "built-in", description=MADE_FOR)
ENTRY = ModelEntry(CARD, "model.safetensors", "sha256:1")


class OneTable(App[None]):
    def compose(self) -> ComposeResult:
        yield ModelTable()


async def test_what_a_model_was_made_for_takes_the_room_that_the_other_columns_leave() -> None:
    app = OneTable()
    async with app.run_test(size=(160, 10)) as pilot:
        table = app.query_one(ModelTable)
        table.show([ENTRY])
        assert str(table.get_row(ENTRY.hash)[2]) == MADE_FOR
        await pilot.resize_terminal(80, 10)
        await pilot.pause()
        assert str(table.get_row(ENTRY.hash)[2]).endswith("…")
        await pilot.pause()
        assert table.virtual_size.width == 80
        assert not table.max_scroll_x
