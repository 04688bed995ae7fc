"""The manual on the screen: every page is reached by keys, and the way back."""

from __future__ import annotations

from driving import press_each, until
from textual.pilot import Pilot

from tui_cytpix.manual import CONTENTS, pages
from tui_cytpix.ui.app import CytpixApp
from tui_cytpix.ui.screens.home import HomeScreen
from tui_cytpix.ui.screens.manual import ManualScreen
from tui_cytpix.ui.widgets.panels.help_panel import HelpPanel
from tui_cytpix.workflow.run.user_settings import Settings


async def opened(pilot: Pilot) -> ManualScreen:
    app = pilot.app
    await until(pilot, lambda: isinstance(app.screen, HomeScreen) and app.screen.focused)
    await press_each(pilot, "question_mark m")
    await until(pilot, lambda: isinstance(app.screen, ManualScreen) and app.screen.viewer.document.source)
    assert isinstance(app.screen, ManualScreen)
    return app.screen


def title(screen: ManualScreen) -> str:
    """What the page that is shown is headed by."""
    (first, *_) = screen.viewer.document.table_of_contents
    return first[1].lower().replace(" ", "-")


async def test_pages_are_turned_and_q_leads_back() -> None:
    app = CytpixApp(settings=Settings())
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await opened(pilot)
        assert title(screen) == "manual"
        for name in pages():
            await press_each(pilot, "l")
            assert (screen.page, title(screen)) == (name, name)
            await press_each(pilot, "G")
            await until(pilot, lambda: screen.viewer.scroll_y == screen.viewer.max_scroll_y)
        await press_each(pilot, "l")
        assert screen.page == CONTENTS
        assert screen.viewer.scroll_y == 0
        await press_each(pilot, "h pageup")
        assert screen.page == [*pages()][-1]
        await press_each(pilot, "question_mark m")
        assert app.screen is screen
        await press_each(pilot, "q")
        await until(pilot, lambda: isinstance(app.screen, HomeScreen))
        assert not app.screen.query_one(HelpPanel).open
        assert app.screen.focused


async def test_pages_are_chosen_those_linked_to_first() -> None:
    app = CytpixApp(settings=Settings())
    async with app.run_test(size=(150, 44)) as pilot:
        screen = await opened(pilot)
        for name in [*pages()][-3:]:
            await press_each(pilot, "enter " + " ".join(name.partition("-")[0]) + " enter")
            await until(pilot, lambda name=name: screen.page == name, name)
        await press_each(pilot, "b")
        assert screen.page == [*pages()][-2]
        await press_each(pilot, "enter q j down pagedown")
        assert screen.viewer.scroll_y > 2


async def test_links_of_a_page_lead_to_pages() -> None:
    app = CytpixApp(settings=Settings())
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await opened(pilot)
        await press_each(pilot, "l enter")  # steps links to files first
        await press_each(pilot, "enter")
        await until(pilot, lambda: screen.page == "files")
