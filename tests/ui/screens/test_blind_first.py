"""Reviews that are blind first, by keys: nothing tells whose answer is judged, and a part of the images comes twice."""

from __future__ import annotations

import re

import pytest
from driving import notices, press_each, until
from steps import SAMPLE, Stage, answer, finished, opened, reply, state_goal, truth, words_of

from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.verdict import Judgement, Preference, Showing
from tui_cytpix.ui.app import CytpixApp
from tui_cytpix.ui.panes.review_pane import ReviewPane
from tui_cytpix.ui.widgets.gallery.gallery import Gallery
from tui_cytpix.workflow.assess import blind_first
from tui_cytpix.workflow.run import run_samples
from tui_cytpix.workflow.run.run import Run

CONDITION = "edinburgh"
TELLING = (SAMPLE, CONDITION, "cell-full", "cell-half", "pombe-1", "story", "base", "counts ")


@pytest.fixture(autouse=True)
def _often_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """A third of the images, after three or four others: a test judges few."""
    monkeypatch.setattr(blind_first, "SHARE", 0.35)
    monkeypatch.setattr(blind_first, "LEAST_BETWEEN", 3)
    monkeypatch.setattr(blind_first, "MOST_BETWEEN", 4)


def rendered(app: CytpixApp) -> str:
    """All text that the terminal shows."""
    return "\n".join(strip.text for strip in app.screen._compositor.render_strips(app.size))


def tells_nothing(app: CytpixApp, key: ImageKey) -> None:
    shown = rendered(app)
    assert not [word for word in (*TELLING, key.event) if word in shown], shown
    assert not re.search(r"\d+ of \d+", shown), shown  # a place in the sequence would tell that an image comes again


async def process(pilot, images: int) -> None:
    await pilot.press("p")
    await reply(pilot, str(images))
    await until(pilot, lambda: f"{images} of {images} images processed" in words_of(pilot.app, "#tally-words"))


@pytest.mark.slow
async def test_step_1_tells_nothing_before_the_count_and_some_images_come_twice(stage: Stage) -> None:
    state_goal(stage)
    with Run.open(stage.run) as run:
        run_samples.label(run, SAMPLE, condition=CONDITION)
    async with opened(stage, "AssessScreen", "judging.model", size=(120, 36)) as (app, pilot, screen):
        await pilot.press("T")
        assert "Blind first" in notices(app)
        app.clear_notifications()
        await process(pilot, 24)
        assert all(item.segmentation is None for item in screen.query_one(Gallery).items)  # or they would tell
        await pilot.press("v")
        pane, shown = screen.query_one(ReviewPane), []
        while pane.showing not in shown:
            showing = pane.showing
            assert showing is not None
            shown.append(showing)
            assert pane.view.segmentation is None
            assert pane.view.key == showing.image
            tells_nothing(app, showing.image)
            true, tried = (
                truth()[showing.image.event].particle_count,
                len(shown) <= 3 or showing.repeat,
            )
            await press_each(pilot, "a c m b A" * tried)  # none of them is for a raw image
            assert pane.showing == showing
            assert showing not in screen.judging.standing()
            await press_each(pilot, str(true))
            assert pane.showing == showing
            assert pane.view.segmentation is not None
            assert pane.view.segmentation.same_as(answer("cell-full", showing.image))
            assert not [word for word in TELLING if word in rendered(app)]
            await press_each(pilot, f"{true + 1} c b x I " * tried + ("m" if len(shown) == 2 else "a"))
        repeats = [showing for showing in shown if showing.repeat]
        assert len(shown) == 24 + len(repeats)
        assert len(repeats) > 3
        assert all(shown.index(one) - shown.index(Showing(one.image)) > 3 for one in repeats)
        assert "All images are judged" in notices(app)
        said = screen.judging.standing()
        assert all(said[one].true_count == truth()[one.image.event].particle_count for one in shown)
        assert all(said[one].blind_first for one in shown)
        wrong = [one for one in shown if answer("cell-full", one.image).particle_count != said[one].true_count]
        assert wrong == [one for one in shown if said[one].count_wrong]
        found = screen.judging.assessment().all
        assert (found.count.judged, found.count.errors) == (24, sum(not one.repeat for one in wrong))
        assert (found.mask.judged, found.mask.errors) == (24, 1)
        await pilot.press("q")
        assert "story" in rendered(app)
        tally, n = words_of(app, "#tally-words"), len(repeats)
        assert f"{n} images shown twice: the same count in {n} of {n} (" in tally
        assert ("these are few" in tally) == (n < 10)
        assert "Blind first: 24 of 24 images were judged" in tally
    with Run.open(stage.run, writing=False) as run:
        assert sum(v.repeat for v in run.verdicts) == 2 * len(repeats)  # the count, then the mask
        assert blind_first.of_run(run).twice == len(repeats)


async def test_undo_goes_over_repeats_and_a_count_given_anew_is_not_blind(stage: Stage) -> None:
    state_goal(stage)

    async with opened(stage, "AssessScreen", "judging.model", size=(120, 36)) as (app, pilot, screen):
        await pilot.press("T")
        await process(pilot, 24)
        await pilot.press("v")
        pane = screen.query_one(ReviewPane)
        while not pane.showing.repeat:
            await press_each(pilot, "1 a")
        repeat, before = pane.showing, dict(screen.judging.standing())
        await press_each(pilot, "2 m")
        assert screen.judging.standing()[repeat].judgement is Judgement.of(
            answer("cell-full", repeat.image).particle_count != 2, True
        )
        assert {k: v for k, v in screen.judging.standing().items() if k != repeat} == before
    async with opened(stage, "AssessScreen", "judging.model", size=(120, 36)) as (app, pilot, screen):
        await press_each(pilot, "v u")
        pane = screen.query_one(ReviewPane)
        assert pane.showing == repeat
        assert pane.view.segmentation is not None  # the count stands
        await press_each(pilot, "u")
        assert (pane.showing, pane.view.segmentation) == (repeat, None)
        assert screen.judging.standing().keys() == before.keys()
        tells_nothing(app, repeat.image)
        await press_each(pilot, "U")
        again = screen.judging.standing()[repeat]
        assert (again.true_count, again.blind_first) == (2, True)
        await press_each(pilot, "u 3")
        anew = screen.judging.standing()[repeat]
        assert (anew.true_count, anew.blind_first) == (3, False)
        assert blind_first.of_run(app.session.run).twice == 0


async def test_what_can_not_be_counted_goes_on_raw_and_skipped_images_come_once(stage: Stage) -> None:
    state_goal(stage)
    async with opened(stage, "AssessScreen", "judging.model", size=(120, 36)) as (_app, pilot, screen):
        await pilot.press("T")
        await process(pilot, 24)
        await pilot.press("v")
        pane = screen.query_one(ReviewPane)
        for key in ("x", "I", *["space"] * 22):
            assert pane.view.segmentation is None
            await press_each(pilot, key)
        said = screen.judging.standing()
        assert [v.judgement for v in said.values()][:3] == [
            Judgement.UNUSABLE,
            Judgement.INDISTINGUISHABLE,
            Judgement.SKIPPED,
        ]
        assert all(v.blind_first for v in said.values())
        first = screen.judging.sequence[:2]
        assert all(showing.image in first for showing in said if showing.repeat)
        await press_each(pilot, "q T")  # off: all as before
        assert all(item.segmentation is not None for item in screen.query_one(Gallery).items)
        await press_each(pilot, "v")
        assert pane.view.segmentation is not None


@pytest.mark.slow
async def test_pairs_are_counted_raw_and_their_masks_compared_where_both_are_right(stage: Stage) -> None:
    finished(stage)
    with Run.open(stage.run) as run:
        run_samples.label(run, SAMPLE, condition=CONDITION)
    async with opened(stage, "EvaluateScreen", "judging.model", "comparison.base", size=(120, 36)) as (
        app,
        pilot,
        screen,
    ):
        await press_each(pilot, "T c")
        await reply(pilot, "30")
        await until(pilot, lambda: not app.session.progress.busy and len(screen.comparison.differences) == 16)
        await until(pilot, lambda: len(screen.gallery.items) == 16)
        assert all(item.segmentation is None and not item.badges for item in screen.gallery.items)
        app.clear_notifications()
        await pilot.press("r")
        view, shown = screen.pair_review, []
        while view.current.showing not in shown:
            showing = view.current.showing
            shown.append(showing)
            assert view.current.raw
            tells_nothing(app, showing.image)
            await press_each(pilot, "equals_sign")  # not for a raw image
            assert showing not in screen.comparison.standing()
            true = truth()[showing.image.event].particle_count
            await press_each(pilot, str(true))
            if answer("cell-full", showing.image).particle_count == true:
                assert (view.current.showing, view.current.raw) == (showing, False)
                assert screen.comparison.standing()[showing].preference is Preference.COUNT_RIGHT
                assert not [word for word in TELLING if word != "counts " and word in rendered(app)]
                await press_each(pilot, "0 I 1")  # not for masks, but the last
        said = screen.comparison.standing()
        repeats = [showing for showing in shown if showing.repeat]
        assert len(shown) == len(view.order) == len(said)
        assert repeats
        for showing, line in said.items():
            right = answer("cell-full", showing.image).particle_count == line.true_count
            assert (line.preference is Preference.NEW) if not right else line.said_of_mask is not None
            assert line.true_count == truth()[showing.image.event].particle_count
            assert line.blind_first
            assert line.blind
        assert "All pairs are judged" in notices(app)
        assert len(screen.comparison.preferences()) == len(shown) - len(repeats)
        last = shown[-1]
        await press_each(pilot, "u")
        assert view.current.showing == last
        await press_each(pilot, "q")
        tally = words_of(app, "#pair-verdict")
        assert f"{len(shown) - len(repeats)} of {len(shown) - len(repeats)} images were judged before" in tally
        assert "The reviewer's own repeatability" in tally
