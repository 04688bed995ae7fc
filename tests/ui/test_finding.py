"""What is found without reading: steps by number and by mouse, keys by mouse, commands by what people call them."""

from __future__ import annotations

import pytest
from driving import until
from steps import opened, reply, state_goal

from tui_cytpix.ui.widgets.lines.key_footer import KeyFooter
from tui_cytpix.ui.widgets.lines.step_rail import StepRail
from tui_cytpix.ui.widgets.panels.choice_panel import ChoicePanel
from tui_cytpix.ui.widgets.panels.help_panel import HelpPanel
from tui_cytpix.workflow.assess.verdict import has_fallen


def press_names(text):
    """Textual's names of the keys that type it."""
    return ["space" if letter == " " else letter for letter in text]


def place(widget, words):
    """Where they stand in the widget's only line."""
    return (widget.render().plain.index(words) + 1, 0)


def drawn(screen):
    """The screen's text."""
    return "\n".join("".join(segment.text for segment in strip) for strip in screen._compositor.render_strips())


async def process_twenty(pilot, screen):
    await pilot.press("p")
    await reply(pilot, "20")
    await until(pilot, lambda: len(screen.judging.processed()) == 20, "images are there")


async def at(pilot, app, step):
    await until(pilot, lambda: app.screen.step == step and app.screen.entered, f"step {step}, not {app.screen.step}")


async def test_digits_lead_to_the_steps(stage):
    state_goal(stage)
    async with opened(stage, "AssessScreen") as (app, pilot, _):
        for number, step in (("4", "train"), ("2", "base_model"), ("5", "evaluate"), ("3", "samples"), ("1", "assess")):
            await pilot.press(number)
            await at(pilot, app, step)


async def test_digits_of_a_review_are_counts(stage):
    state_goal(stage)
    async with opened(stage, "AssessScreen") as (app, pilot, screen):
        await process_twenty(pilot, screen)
        await pilot.press("v")
        await until(pilot, lambda: screen.pane == "review", "the review")
        await pilot.press("2")
        assert app.screen is screen
        assert screen.pane == "review"


async def test_a_step_that_judges_is_ticked_once_its_verdict_fell(stage):
    """Not as soon as one has looked in: "✓1 Assess" reads as "passed"."""
    state_goal(stage)
    async with opened(stage, "AssessScreen") as (app, pilot, screen):
        await process_twenty(pilot, screen)
        await pilot.press("2")
        await at(pilot, app, "base_model")
        assert " 1 Assess" in app.screen.rail.render().plain, "only visited"
        await pilot.press("1")
        await at(pilot, app, "assess")
        await until(pilot, lambda: len(app.screen.judging.processed()) == 20, "its answers are read")
        await pilot.press("v", *["c"] * 20)
        assert has_fallen(app.screen.judging.assessment())
        await pilot.press("q", "2")
        await at(pilot, app, "base_model")
        assert "✓1 Assess" in app.screen.rail.render().plain
        assert "✓5" not in app.screen.rail.render().plain
    async with opened(stage, "BaseModelScreen") as (app, pilot, _):
        await until(pilot, lambda: "✓1 Assess" in app.screen.rail.render().plain, "when it is opened again, too")


async def test_steps_and_keys_are_clicked_on(stage):
    state_goal(stage)
    async with opened(stage, "AssessScreen") as (app, pilot, screen):
        await pilot.click(StepRail, offset=place(screen.query_one(StepRail), "3 Samples"))
        await at(pilot, app, "samples")
        await pilot.click(KeyFooter, offset=place(app.screen.query_one(KeyFooter), "Next step"))
        await at(pilot, app, "train")
        await pilot.click(KeyFooter, offset=place(app.screen.query_one(KeyFooter), "? Help"))
        await until(pilot, lambda: app.screen.query_one(HelpPanel).open, "help")


@pytest.mark.parametrize(
    ("called", "found"), [("colours", "Theme"), ("exit", "Back"), ("report", "5 Report"), ("demo guide", "Tour")]
)
async def test_the_palette_knows_what_people_say(stage, called, found):
    state_goal(stage)
    async with opened(stage, "AssessScreen") as (_, pilot, screen):
        await pilot.press("question_mark", "slash", *press_names(called))
        panel = screen.query_one(ChoicePanel)
        assert panel.open
        assert not screen.query_one(HelpPanel).open
        await until(pilot, lambda: any(one.row.plain.startswith(found) for one in panel._found[:3]), called)


async def test_the_palette_leads_to_what_another_step_has(stage):
    state_goal(stage)
    async with opened(stage, "AssessScreen") as (app, pilot, _):
        await pilot.press("colon", *press_names("to the training pane"), "enter")
        await at(pilot, app, "train")
        await until(pilot, lambda: app.screen.has_class("-in-training"), "what was chosen is done there")


async def test_help_tells_the_marks_of_pictures(stage):
    state_goal(stage)
    async with opened(stage, "AssessScreen") as (_, pilot, screen):
        await pilot.press("question_mark")
        await until(pilot, lambda: screen.query_one(HelpPanel).max_scroll_y, "help")
        screen.query_one(HelpPanel).scroll_end(animate=False)
        await until(pilot, lambda: "count error" in drawn(screen), "its marks")
