"""Step 1 by keys: goal, processing, review, tally."""

from __future__ import annotations

from driving import notices, press_each, until
from steps import SAMPLE, Stage, answer, opened, reply, state_goal, truth, words_of

from tests.reviewing import judge
from tui_cytpix.domain.run_settings import Kind
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.verdict import Judgement
from tui_cytpix.ui.panes.review_pane import ReviewPane
from tui_cytpix.ui.screens.assess import AssessScreen
from tui_cytpix.ui.widgets.gallery.gallery import Gallery
from tui_cytpix.ui.widgets.panels.help_panel import HelpPanel
from tui_cytpix.ui.widgets.plots.verdict_plot import VerdictPlot
from tui_cytpix.ui.widgets.tables.model_table import ModelTable
from tui_cytpix.workflow.assess import over_sampling
from tui_cytpix.workflow.run.run import Run


async def process(pilot, images: str = "12") -> None:
    await pilot.press("p")
    await reply(pilot, images)
    gallery = pilot.app.screen.query_one(Gallery)
    await until(pilot, lambda: gallery.items and all(item.segmentation is not None for item in gallery.items))


async def test_the_goal_comes_first_and_rates_are_checked(stage: Stage) -> None:
    async with opened(stage, "AssessScreen") as (app, pilot, screen):
        assert screen.pane == "goal"
        assert "what you study" in screen.hint.words
        await press_each(pilot, "j j enter")
        await reply(pilot, "20")
        await reply(pilot, "5")
        await until(pilot, lambda: "don't fit" in notices(app))
        await press_each(pilot, "up")
        await reply(pilot, "1,5")
        await reply(pilot, "six")
        await until(pilot, lambda: "no percentage" in notices(app))
        await reply(pilot, "6 %")
        await reply(pilot, "count, nucleus")
        await until(pilot, lambda: "'nucleus' is none of count, mask, singlets, multiplets" in notices(app))
        await reply(pilot, "count mask")
        await reply(pilot, "a septated cell is one")
        await until(pilot, lambda: screen.pane == "main")
        settings = app.session.run.settings.assess
        assert (settings.goal, settings.p0, settings.p1) == ("quantitative", 0.015, 0.06)
        assert settings.counting_convention == "a septated cell is one"
        assert settings.required == (Kind.COUNT, Kind.MASK)
        assert "cell-full" in screen.hint.words


async def test_the_review_records_goes_on_and_takes_back(stage: Stage) -> None:
    state_goal(stage)
    async with opened(stage, "AssessScreen", "judging.model") as (app, pilot, screen):
        await process(pilot)
        assert "12 of 12 images processed" in words_of(app, "#tally-words")
        await pilot.press("v")
        pane = screen.query_one(ReviewPane)
        first = pane.current
        assert first == screen.judging.sequence[0]
        await press_each(pilot, "a c m b x I space")
        found = [v.judgement for _, v in sorted(screen.judging.verdicts().items(), key=lambda kv: kv[1].seq)]
        assert found == list(Judgement)[:7]
        assert pane.current == screen.judging.sequence[7]
        await press_each(pilot, "u u")
        assert pane.current == screen.judging.sequence[5]
        assert len(screen.judging.verdicts()) == 5
        assert "Count: not yet known. 2 wrong of 4 (50%" in words_of(app, "#review-words")
        await press_each(pilot, "pageup pageup a q")
        assert screen.pane == "main"
        found = screen.judging.assessment()
        assert (found.all.count.judged, found.counts["acceptable"], found.counts["unusable"]) == (4, 2, 1)
        badges = {item.key: item.badges for item in screen.gallery.items}
        assert badges[screen.judging.sequence[1]] == "C"
        assert badges[first] == ""
        assert "1 unusable" in words_of(app, "#tally-words")
        shown = [row.plain for row in screen.query_one(VerdictPlot).rows]
        assert shown[0].startswith(" NOT YET KNOWN ")
        assert any("count" in row and row.endswith("1/4") for row in shown)
        assert screen.query_one("#tally").region.contains_region(screen.query_one(VerdictPlot).region)
    with Run.open(stage.run, writing=False) as run:
        assert len(run.verdicts) == 10


async def test_undo_in_a_review_gives_back_what_was_there_redo_what_it_took(stage: Stage) -> None:
    state_goal(stage)

    def said(screen: AssessScreen, key: ImageKey) -> Judgement | None:
        return screen.judging.verdicts()[key].judgement if key in screen.judging.verdicts() else None

    async with opened(stage, "AssessScreen", "judging.model") as (app, pilot, screen):
        await process(pilot)
        await press_each(pilot, "v c pageup a")
        first = screen.judging.sequence[0]
        assert said(screen, first) is Judgement.ACCEPTABLE
        await press_each(pilot, "u")
        assert screen.query_one(ReviewPane).current == first
        assert said(screen, first) is Judgement.COUNT_ERROR
        assert "Undone: acceptable → count error." in words_of(app, "#review-words")
        await press_each(pilot, "u")
        assert "Undone: count error → not judged." in words_of(app, "#review-words")
    async with opened(stage, "AssessScreen", "judging.model") as (app, pilot, screen):
        await press_each(pilot, "v U")
        assert said(screen, first) is Judgement.COUNT_ERROR
        assert "Redone: not judged → count error." in words_of(app, "#review-words")
        await press_each(pilot, "U")
        assert said(screen, first) is Judgement.ACCEPTABLE
        assert "Redone: count error → acceptable." in words_of(app, "#review-words")
        await press_each(pilot, "U")
        assert "nothing to redo" in words_of(app, "#review-words")


async def test_undo_in_the_gallery_takes_the_last_judgement_back_and_says_so(stage: Stage) -> None:
    state_goal(stage)
    async with opened(stage, "AssessScreen", "judging.model") as (app, pilot, screen):
        await process(pilot)
        await press_each(pilot, "u")
        await until(pilot, lambda: "nothing to take back" in notices(app))
        await press_each(pilot, "v a c q")
        second = screen.judging.sequence[1]
        assert screen.gallery.current_key == screen.judging.sequence[2]  # where the review was
        await press_each(pilot, "u")
        await until(pilot, lambda: "Undone: count error → not judged." in notices(app))
        assert screen.pane == "main"
        assert screen.gallery.current_key == second
        assert screen.gallery.current.badges == ""
        await press_each(pilot, "U")
        await until(pilot, lambda: "Redone: not judged → count error." in notices(app))
        assert screen.gallery.current.badges == "C"


async def test_help_lists_the_keys_of_what_has_the_focus_first(stage: Stage) -> None:
    def scopes(screen: AssessScreen) -> list[str]:
        return list(screen.query_one(HelpPanel)._listed[0])

    state_goal(stage)
    async with opened(stage, "AssessScreen", "judging.model") as (_app, pilot, screen):
        await process(pilot, "3")
        await press_each(pilot, "question_mark")
        assert scopes(screen)[:2] == ["assess", "gallery"]
        assert scopes(screen)[-2:] == ["app", "help"]
        table = screen.query_one(HelpPanel).query_one("Static").visual._renderable
        first = [str(cell) for column in table.columns[:1] for cell in column.cells]
        titles = [words for words in first if words.isupper() and len(words) > 2]
        assert (titles[0], titles[-1]) == ("ASSESS", "MARKS")
        await press_each(pilot, "q v question_mark")
        assert scopes(screen)[:3] == ["review", "image", "assess"]


async def test_enter_enlarges_the_image_under_the_cursor_and_all_judged_is_told(stage: Stage) -> None:
    state_goal(stage)
    async with opened(stage, "AssessScreen", "judging.model") as (app, pilot, screen):
        await process(pilot, "3")
        await press_each(pilot, "l enter")
        assert screen.query_one(ReviewPane).current == screen.judging.sequence[1]
        await press_each(pilot, "a a a")
        assert "All images are judged" in notices(app)
        await press_each(pilot, "question_mark")
        assert screen.query_one(HelpPanel).open
        await press_each(pilot, "q")
        assert screen.pane == "review"


async def test_another_model_is_judged_on_the_same_images(stage: Stage) -> None:
    state_goal(stage)
    async with opened(stage, "AssessScreen", "judging.model") as (app, pilot, screen):
        await process(pilot, "8")
        drawn = screen.judging.sequence
        app.session.right_here = {screen.judging.model.hash: (0.9, 0.8, 0.95)}
        await pilot.press("m")
        await until(pilot, lambda: screen.pane == "models")
        assert "90% (80%–95%)" in map(str, screen.query_one(ModelTable).get_row(screen.judging.model.hash))
        await press_each(pilot, "j enter")
        await until(pilot, lambda: screen.judging.model.card.name == "cell-half")
        await until(pilot, lambda: all(i.segmentation is not None for i in screen.gallery.items))
        assert screen.judging.sequence == drawn
        assert app.session.run.settings.assess.model.endswith("cell-half.safetensors")


async def test_more_than_there_is_and_nonsense_are_answered(stage: Stage) -> None:
    state_goal(stage)
    async with opened(stage, "AssessScreen", "judging.model") as (app, pilot, _screen):
        await pilot.press("v")
        await until(pilot, lambda: "process images first" in notices(app))
        await pilot.press("C")
        await until(pilot, lambda: "Nothing is at work" in notices(app))
        await pilot.press("p")
        await reply(pilot, "many")
        await until(pilot, lambda: "give a whole number" in notices(app))
        await reply(pilot, "5000")
        await until(pilot, lambda: "Only 36 of 5000" in notices(app))


async def test_a_missing_model_is_told_and_another_can_be_chosen(stage: Stage) -> None:
    from dataclasses import replace

    state_goal(stage)
    with Run.open(stage.run) as run:
        run.update(replace(run.settings, assess=replace(run.settings.assess, model="gone")))
    async with opened(stage, "AssessScreen") as (app, pilot, screen):
        await until(pilot, lambda: "no such model" in notices(app))
        assert "Choose a model" in screen.hint.words
        await pilot.press("p")
        await until(pilot, lambda: "Choose a model first" in notices(app))


async def test_digits_state_the_count_and_the_verdict_falls(stage: Stage) -> None:
    state_goal(stage)
    async with opened(stage, "AssessScreen", "judging.model", size=(120, 36)) as (app, pilot, screen):
        await process(pilot, "36")
        await pilot.press("v")
        for key in screen.judging.sequence[:20]:
            await press_each(pilot, f"{truth()[key.event].particle_count} space")
        verdicts = screen.judging.verdicts()
        assert len(verdicts) == 20
        for key, verdict in verdicts.items():
            assert verdict.counted == answer("cell-full", key).particle_count
            assert verdict.count_wrong == (verdict.counted != truth()[key.event].particle_count)
        found = screen.judging.assessment().all
        assert (found.count.decision, found.mask.decision) == ("retrain", "not yet known")
        assert "Count: retrain" in words_of(app, "#review-words")
        assert all(name not in words_of(app, "#review-words") for name in (SAMPLE, "condition"))
        await pilot.press("q")
        assert "errs too often" in screen.hint.words
        assert "Singlets:" in words_of(app, "#tally-words")


async def test_a_digit_leaves_the_mask_to_be_judged_and_the_review_comes_back_to_it(stage: Stage) -> None:
    state_goal(stage)
    async with opened(stage, "AssessScreen", "judging.model", size=(120, 36)) as (app, pilot, screen):
        await process(pilot)
        await pilot.press("v")
        pane, (right, wrong, *others) = screen.query_one(ReviewPane), screen.judging.sequence
        counted = {key: answer("cell-full", key).particle_count for key in (right, wrong)}
        await press_each(pilot, f"{counted[right] + 1} {counted[right]}")
        assert pane.current == right
        assert f"{counted[right]} counted; a mask fine, m mask bad, space on." in words_of(app, "#review-words")
        await press_each(pilot, f"space {counted[wrong] + 1} pagedown {' '.join('a' * len(others))}")
        assert pane.current == right
        assert "count right, mask not judged" in words_of(app, "#review-words")
        assert "2 images only counted" in words_of(app, "#review-words")
        found = screen.judging.assessment().all
        assert (found.count.judged, found.count.errors, found.mask.judged) == (12, 1, 10)
        await press_each(pilot, "space")
        assert pane.current == wrong
        await press_each(pilot, "space m")
        assert pane.current == wrong
        await press_each(pilot, "space")
        assert "All images are judged, but for 1 mask." in notices(app)
        await press_each(pilot, "a")
        assert "All images are judged" in notices(app)
        said = [(v.judgement, v.true_count) for v in (screen.judging.verdicts()[key] for key in (right, wrong))]
        assert said == [(Judgement.MASK_ERROR, counted[right]), (Judgement.COUNT_ERROR, counted[wrong] + 1)]
        found = screen.judging.assessment().all
        assert (found.count.errors, found.mask.judged, found.mask.errors) == (1, 12, 1)


async def test_masks_still_to_be_judged_are_what_comes_next(stage: Stage) -> None:
    state_goal(stage)
    async with opened(stage, "AssessScreen", "judging.model", size=(120, 36)) as (_app, pilot, screen):
        await process(pilot, "36")
        await pilot.press("v")
        for key in screen.judging.sequence:
            await press_each(pilot, f"{answer('cell-full', key).particle_count} space")
        assert screen.judging.assessment().all.count.decision == "keep"
        await pilot.press("q")
        assert (
            "The masks of 36 images are still to be judged: v leads to them, a or m judges them." in screen.hint.words
        )


async def test_blurred_images_are_left_out(stage: Stage) -> None:
    state_goal(stage)
    async with opened(stage, "AssessScreen", "judging.model", size=(120, 36)) as (app, pilot, screen):
        await process(pilot, "12")
        await pilot.press("b")
        await until(pilot, lambda: len(screen.blurred.scores) == 12)
        await reply(pilot, "7")
        await until(pilot, lambda: "no focus score" in notices(app))
        least = sorted(screen.blurred.scores.values())[4]
        await reply(pilot, f"{least:.4f}")
        await until(pilot, lambda: len(screen.judging.to_judge()) < 12)
        sharp = [
            key
            for key in screen.judging.sequence
            if screen.blurred.scores[key] >= screen.session.run.settings.assess.least_focus
        ]
        assert screen.judging.to_judge() == sharp
        assert f"Left out as blurred: {12 - len(sharp)} images" in words_of(app, "#tally-words")
        await pilot.press("v")
        assert screen.query_one(ReviewPane).current == sharp[0]
    async with opened(stage, "AssessScreen", size=(120, 36)) as (_app, pilot, screen):
        await until(pilot, lambda: screen.judging.to_judge() == sharp)


async def test_unusable_frames_and_a_goal_changed_after_judging_are_told(stage: Stage) -> None:
    state_goal(stage)
    async with opened(stage, "AssessScreen", "judging.model", size=(120, 36)) as (app, pilot, screen):
        await process(pilot, "24")
        run, model = app.session.run, screen.judging.model
        for n, key in enumerate(screen.judging.sequence):
            judge(run, key, model, Judgement.UNUSABLE if n % 3 == 0 else Judgement.ACCEPTABLE, counted=1)
        await press_each(pilot, "i enter")
        for answer_ in ("6", "18", "count mask", "one until it parts"):
            await reply(pilot, answer_)
        await until(pilot, lambda: screen.pane == "main")
        assert "Many frames are unusable: b leaves blurred ones out" in screen.hint.words
        told = words_of(app, "#tally-words")
        assert "33% of the frames are unusable: the frames, not the model, are the problem." in told
        assert "after 24 judgements: the goal was population gating and clean-up: good up to 2.0%" in told
        assert "data exploration: good up to 6.0%, intolerable from 18.0% (usual: 5.0% and 15.0%)" in told
        await pilot.press("v")
        assert "after 24 judgements: the goal was population gating" in words_of(app, "#review-words")


async def test_plain_images_are_shown_less_often_where_one_asks_for_it(stage: Stage, monkeypatch) -> None:
    monkeypatch.setattr(over_sampling, "ENOUGH", 30)  # the sample has 36
    state_goal(stage)
    async with opened(stage, "AssessScreen", "judging.model") as (app, pilot, screen):
        await process(pilot)
        await pilot.press("W")
        await reply(pilot, "2")
        await until(pilot, lambda: "12 random images are processed" in notices(app))  # too few
        await pilot.press("escape")
        await process(pilot, "36")
        assert "Expected to be judged until a good model is kept" in words_of(app, "#tally-words")
        await pilot.press("W")
        await reply(pilot, "4")
        await until(pilot, lambda: "one image in 4 is shown" in words_of(app, "#tally-words"))
        shown = screen.judging.to_judge()
        assert 0 < len(shown) < len(screen.judging.processed()) == 36
        await pilot.press("v")
        assert screen.query_one(ReviewPane).current == shown[0]
        await pilot.press("a")
        verdict = screen.judging.verdicts()[shown[0]]
        assert (verdict.counts_for_rate, verdict.least_chance) == (True, 0.25)
        assert screen.query_one(ReviewPane).current == shown[1]
