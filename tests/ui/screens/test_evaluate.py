"""Step 5 by keys: new against base, review, processing, sharing."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from driving import notices, press_each, until
from steps import SAMPLE, Stage, answer, finished, opened, reply, select, truth, words_of

from tests import children
from tui_cytpix.domain.gate import Axis, Gate
from tui_cytpix.domain.jobs.events import Finished
from tui_cytpix.domain.jobs.specs import ProcessSpec
from tui_cytpix.domain.jobs.training import JobState
from tui_cytpix.domain.zoom import By, Zoom
from tui_cytpix.formats.model.file import read_card
from tui_cytpix.formats.run.job import JobFolder
from tui_cytpix.ui.session import PredictionsChanged
from tui_cytpix.ui.widgets.gallery.gallery import Gallery
from tui_cytpix.ui.widgets.lines.key_footer import KeyFooter
from tui_cytpix.ui.widgets.pictures.pair_view import PairView
from tui_cytpix.ui.widgets.plots.verdict_plot import VerdictPlot
from tui_cytpix.workflow.evaluate import process_watch, trial
from tui_cytpix.workflow.evaluate.process_watch import ProcessWatch
from tui_cytpix.workflow.explore import gates
from tui_cytpix.workflow.run import jobs, run_samples, zoom
from tui_cytpix.workflow.run.run import Run


async def test_a_model_and_how_it_saw_the_images_stand_behind_one_label(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    finished(stage)
    seen = {SAMPLE: Zoom(1.3, By.PARTICLES)}
    async with opened(stage, "EvaluateScreen", "judging.model", "comparison.base") as (app, pilot, screen):
        await until(pilot, lambda: screen.loaded)
        base = app.session.predict.store(screen.comparison.base)
        monkeypatch.setattr(zoom, "zooms_of", lambda _run, store: seen if store is base else {})
        screen.say_next()
        assert "Base cell-full (full); images of pombe: seen 1.3 times" in words_of(app, "#tally-words")
        monkeypatch.setattr(zoom, "zooms_of", lambda _run, _store: seen)
        await compared(pilot, screen)
        words = words_of(app, "#tally-words")
        assert "Base cell-full (full)\nImages of pombe: seen 1.3 times" in words
        assert words.count("pombe: seen") == 1


async def test_without_a_model_it_says_where_one_comes_from(stage: Stage) -> None:
    select(stage)
    with Run.open(stage.run) as run:
        run.go_to("evaluate")
    async with opened(stage, "EvaluateScreen") as (app, pilot, screen):
        assert "No new model yet" in screen.hint.words
        await press_each(pilot, "p c x v")
        assert "no model to process" in notices(app)
        assert "Two models are needed" in notices(app)
        assert "no model to share" in notices(app)
        await pilot.press("m")
        await until(pilot, lambda: screen.pane == "models")
        await press_each(pilot, "j enter")
        await until(pilot, lambda: screen.judging.model is not None)
        await until(pilot, lambda: "cell-half" in screen.hint.words)


async def test_nothing_is_said_before_it_is_known(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    finished(stage)
    read, go_on = trial.new_model, threading.Event()

    def slow(run: Run) -> object:
        go_on.wait(30)
        return read(run)

    monkeypatch.setattr(trial, "new_model", slow)
    app = stage.app()
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: type(app.screen).__name__ == "EvaluateScreen" and app.screen.entered)
        screen = app.screen
        screen.on_predictions_changed(PredictionsChanged(app.session.progress))
        screen.refresh_all()
        await pilot.pause()
        assert screen.hint.words == "→ Loading …"
        gallery = screen.query_one(Gallery)
        assert "loading …" in gallery.render_line(gallery.size.height - 1).text
        go_on.set()
        await until(pilot, lambda: screen.loaded)
        assert "pombe-1" in screen.hint.words
        assert "loading" not in gallery.render_line(gallery.size.height - 1).text


async def test_differences_come_first_and_are_tallied(stage: Stage) -> None:
    finished(stage)
    async with opened(stage, "EvaluateScreen", "judging.model", "comparison.base") as (app, pilot, screen):
        await pilot.press("c")
        await reply(pilot, "30")
        await until(pilot, lambda: "Only 16 of 30" in notices(app))
        await until(pilot, lambda: not app.session.progress.busy and len(screen.comparison.differences) == 16)
        selected = set(app.session.run.settings.selection.images)
        assert not selected & set(screen.judging.sequence)
        differing = [
            k
            for k in screen.judging.sequence
            if answer("cell-full", k).particle_count != answer("pombe-1", k).particle_count
        ]
        await until(pilot, lambda: screen.gallery.items[0].badges == "≠")
        badges = [item.badges for item in screen.gallery.items]
        assert badges == ["≠"] * len(differing) + [""] * (16 - len(differing))
        assert f"differ on {len(differing)} of 16" in words_of(app, "#tally-words")
        assert "Valid for new tubes" in words_of(
            app, "#tally-words"
        )  # by its card: it is a built-in model under a name
        assert f"{len(differing)} × 2→1" in words_of(app, "#tally-words")
        assert "held-out" not in words_of(app, "#tally-words")  # their masks are the base's own, nobody changed them
        await press_each(pilot, "enter")
        assert screen.pane == "pair"
        view = screen.query_one(PairView)
        assert view.current.answers[0].particle_count == 2
        assert view.current.answers[1].particle_count == 1
        await press_each(pilot, "n q")
        assert screen.gallery.current_key == differing_second(screen)
        await press_each(pilot, "v a c q")
        assert "1 wrong of 2" in words_of(app, "#tally-words")
        assert {v.step for v in app.session.run.verdicts} == {"evaluate"}
        text, seen = screen.query_one("#tally"), [0.0]
        while len(seen) == 1 or seen[-1]:  # by one key all of it can be read in a small terminal, and again
            await press_each(pilot, "semicolon")
            seen.append(text.scroll_y)
            assert len(seen) < 20
        assert text.max_scroll_y == max(seen) > 0


def differing_second(screen) -> object:
    return screen.gallery.items[1].key


async def test_processing_starts_shows_outputs_and_is_found_again(stage: Stage) -> None:
    finished(stage)
    async with opened(stage, "EvaluateScreen", "judging.model") as (app, pilot, screen):
        await press_each(pilot, "p 1 3")
        text = words_of(app, "#process-words")
        assert "[ ] fcs" in text
        assert "[x] masks" in text
        await press_each(pilot, "enter")
        await until(pilot, lambda: screen.processing.status and screen.processing.status.state is JobState.FINISHED)
        await until(pilot, lambda: "pombe.csv" in words_of(app, "#process-words"))
        assert stage.engine.started[-1].spec.formats == ("csv", "masks")
        await until(pilot, lambda: "done: 1 files" in notices(app))
        await press_each(pilot, "q")
        assert screen.pane == "main"
    async with opened(stage, "EvaluateScreen") as (app, pilot, _screen):
        await until(pilot, lambda: "done: 1 files" in words_of(app, "#tally-words"))


async def test_processing_on_slurm_asks_for_its_options(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    finished(stage)
    asked: list[list[str]] = []
    monkeypatch.setattr(jobs, "submit", lambda job, options: (asked.append(options), stage.engine.start(job)))
    async with opened(stage, "EvaluateScreen", "judging.model") as (app, pilot, _screen):
        await press_each(pilot, "p S minus minus m e m equals_sign apostrophe enter")
        await until(pilot, lambda: "Slurm's options can't be read" in notices(app))
        assert asked == []
        await press_each(pilot, "end backspace 2 enter")
        await until(pilot, lambda: "done: 1 files" in notices(app))
        assert asked == [["--mem=2"]]


async def test_what_was_done_before_is_told(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    finished(stage)

    def passes_over(job: JobFolder, _spec: ProcessSpec) -> None:
        job.emit(Finished(outputs=("/out/pombe.csv",), failures=(), already=2))

    monkeypatch.setattr(stage.engine, "_process", passes_over)
    async with opened(stage, "EvaluateScreen", "judging.model") as (app, pilot, _screen):
        await press_each(pilot, "p enter")
        await until(pilot, lambda: "2 samples done before" in notices(app))
        assert "2 samples had been done with the same model and settings" in words_of(app, "#process-words")


async def test_the_end_of_processing_is_told_though_it_came_before_the_first_look(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    finished(stage)
    watch_newest = process_watch.watch_newest

    def late(run: Run) -> ProcessWatch | None:
        watch = watch_newest(run)
        children.until(lambda: watch is None or not watch.poll().live)
        return watch

    monkeypatch.setattr(process_watch, "watch_newest", late)
    async with opened(stage, "EvaluateScreen", "judging.model") as (app, pilot, _screen):
        await press_each(pilot, "p enter")
        await until(pilot, lambda: "done: " in notices(app))


async def test_no_format_is_told(stage: Stage, tmp_path: Path) -> None:
    finished(stage)
    async with opened(stage, "EvaluateScreen", "judging.model") as (app, pilot, screen):
        await press_each(pilot, "p 1 2 enter")
        await until(pilot, lambda: "Unknown output format" in notices(app))
        assert screen.processing.status is None
        await press_each(pilot, "q x")
        await reply(pilot, str(tmp_path / "share.safetensors"))
        await until(pilot, lambda: "Written" in notices(app))
        assert read_card(tmp_path / "share.safetensors").name == "pombe-1"
        with pytest.raises(AssertionError):
            assert trial.new_model(app.session.run).card.name == "other"


async def test_pairs_are_judged_blind_and_unblinded_at_the_end(stage: Stage) -> None:
    finished(stage)
    async with opened(stage, "EvaluateScreen", "judging.model", "comparison.base", size=(120, 36)) as (
        app,
        pilot,
        screen,
    ):
        await pilot.press("r")
        await until(pilot, lambda: "no pairs yet" in notices(app))
        await pilot.press("c")
        await reply(pilot, "30")
        await until(pilot, lambda: not app.session.progress.busy and len(screen.comparison.differences) == 16)
        await pilot.press("r")
        view = screen.pair_review
        assert screen.pane == "pairs"
        sides = set()
        for _ in range(len(view.order)):
            pair = view.current
            assert pair.blind
            words = " ".join(words_of(app, f"#{i}") for i in ("pairs #pair-words", "pairs #pair-left-title"))
            assert not any(name in words for name in ("pombe", "cell-full", "base", "new"))
            true = truth()[pair.key.event].particle_count
            counts = (pair.answers[0].particle_count, pair.answers[1].particle_count)
            if counts == (true, true):
                await pilot.press("equals_sign")
            else:
                sides.add(counts.index(true))
                await pilot.press(str(1 + counts.index(true)))
        assert sides == {0, 1}
        assert "All pairs are judged" in notices(app)
        said = app.session.run.pair_verdicts
        assert {v.preference for v in said} == {"new", "equal"}
        assert all(v.blind for v in said)
        await pilot.press("u")
        assert len(screen.comparison.preferences()) == len(view.order) - 1
        await press_each(pilot, "U R")
        assert "new pombe-1" in words_of(app, "#pairs #pair-right-title")
        await press_each(pilot, "q B")
        assert "models' names" in notices(app)
        assert not app.session.run.settings.evaluate.blind
        assert words_of(app, "#pair-verdict").startswith("The new model counts better, in these samples.")


async def compared(pilot, screen) -> None:
    """Both models answer all images that are left."""
    await pilot.press("c")
    await reply(pilot, "30")
    await until(pilot, lambda: not pilot.app.session.progress.busy and len(screen.comparison.differences) == 16)


async def judge_pairs(pilot, view) -> None:
    """By their true counts."""
    for _ in view.order:
        true = truth()[view.current.key.event].particle_count
        counts = [answer.particle_count for answer in view.current.answers]
        await pilot.press("equals_sign" if counts == [true, true] else str(1 + counts.index(true)))


@pytest.mark.parametrize("size", [(80, 24), (160, 50)])
async def test_what_the_pairs_say_comes_first(stage: Stage, size: tuple[int, int]) -> None:
    finished(stage)
    async with opened(stage, "EvaluateScreen", "judging.model", "comparison.base", size=size) as (_, pilot, screen):
        await compared(pilot, screen)
        assert not screen.query_one(VerdictPlot).region.area, "no chart of no judgement"
        assert "judges pairs" in screen.hint.words
        await pilot.press("r")
        await judge_pairs(pilot, screen.pair_review)
        await pilot.press("q")
        await until(pilot, lambda: "All pairs are judged. p processes samples" in screen.hint.words)
        said, tally = screen.query_one("#pair-verdict"), screen.query_one("#tally")
        assert "counts" in said.words.splitlines()[0]
        assert said.region.y == tally.scrollable_content_region.y
        assert not screen.query_one(VerdictPlot).region.area
        await press_each(pilot, "v a q")  # what the new model does by itself follows
        assert said.region.y == tally.scrollable_content_region.y
        assert screen.query_one(VerdictPlot).display


@pytest.mark.parametrize("size", [(80, 24), (160, 50)])
async def test_both_sides_are_drawn_at_one_scale(stage: Stage, size: tuple[int, int]) -> None:
    finished(stage)
    with Run.open(stage.run) as run:
        run_samples.set_pixel_size(run, SAMPLE, 0.3)
    async with opened(stage, "EvaluateScreen", "judging.model", "comparison.base", size=size) as (_, pilot, screen):
        await compared(pilot, screen)
        await pilot.press("r")
        left, right = (screen.query_one(f"#pairs #pair-{side}") for side in ("left", "right"))
        for keys in ("space", "space", "z", "space"):
            await until(pilot, lambda: left._drawing and right._drawing)
            assert left.size == right.size
            assert left.window == right.window
            bars = [view.labels(view._drawing) for view in (left, right)]
            assert bars[0]
            assert bars[0] == bars[1]
            await press_each(pilot, keys)
        await pilot.resize_terminal(size[0] - 7, size[1])
        await until(pilot, lambda: left._drawing.size == left.cell_size and right._drawing.size == right.cell_size)
        assert left.window == right.window


async def test_a_small_screen_shows_the_four_preferences_and_which_images_come(stage: Stage) -> None:
    finished(stage)
    async with opened(stage, "EvaluateScreen", "judging.model", "comparison.base") as (_, pilot, screen):
        await compared(pilot, screen)
        await pilot.press("r")
        await until(pilot, lambda: "1 Left" in screen.query_one(KeyFooter).render().plain)
        footer = screen.query_one(KeyFooter).render().plain
        assert footer.startswith(" 1 Left  2 Right  = Equal  0 Neither  u Undo")
        differ = sum(one.counts_differ for one in screen.comparison.differences)
        agree = len(screen.pair_review.order) - differ
        assert agree > 0
        said = screen.hint.words
        assert f"(on {differ} the models differ, on {agree} they agree)" in said
        assert len(said) < 2 * 78, "two rows"


async def test_leaving_a_review_leads_to_its_image_in_the_gallery(stage: Stage) -> None:
    finished(stage)
    async with opened(stage, "EvaluateScreen", "judging.model", "comparison.base") as (_, pilot, screen):
        await compared(pilot, screen)
        gallery = screen.gallery
        for opens, on in (("v", "space"), ("r", "pagedown")):
            await press_each(pilot, f"{opens} {' '.join([on] * 13)}")
            shown = screen.review_pane.current if opens == "v" else screen.pair_review.current.key
            await press_each(pilot, "q")
            assert screen.pane == "main"
            assert gallery.current_key == shown
            await until(pilot, lambda: gallery.size.height, "the gallery")
            top, cell = gallery.scroll_offset.y, gallery._region(gallery._cursor)
            assert gallery.page_height < gallery.virtual_size.height
            assert top <= cell.y
            assert cell.bottom <= top + gallery.page_height
            await press_each(pilot, "g")


async def test_keys_lead_to_the_first_and_the_last_image_of_a_review(stage: Stage) -> None:
    finished(stage)
    async with opened(stage, "EvaluateScreen", "judging.model", "comparison.base") as (_, pilot, screen):
        await compared(pilot, screen)
        await pilot.press("r")
        view = screen.pair_review
        for first, last in (("g", "G"), ("home", "end")):
            await pilot.press(last)
            assert view.current.showing == view.order[-1]
            await pilot.press(last)
            assert view.current.showing == view.order[-1]
            await pilot.press(first)
            assert view.current.showing == view.order[0]
        await press_each(pilot, "q v end")
        assert screen.review_pane.current == screen.judging.to_judge()[-1]
        await press_each(pilot, "home")
        assert screen.review_pane.current == screen.judging.to_judge()[0]


async def test_equal_is_refused_where_the_counts_differ(stage: Stage) -> None:
    finished(stage)
    async with opened(stage, "EvaluateScreen", "judging.model", "comparison.base") as (app, pilot, screen):
        await pilot.press("c")
        await reply(pilot, "30")
        await until(pilot, lambda: not app.session.progress.busy and len(screen.comparison.differences) == 16)
        await pilot.press("r")
        view = screen.pair_review
        while view.current.answers[0].particle_count == view.current.answers[1].particle_count:
            await pilot.press("equals_sign")
        shown = view.current.key
        await pilot.press("equals_sign")
        assert "at most one is right" in notices(app)
        assert view.current.key == shown
        await press_each(pilot, "I space 0")
        assert [v.preference for v in app.session.run.pair_verdicts[-3:]] == ["unclear", "skipped", "neither"]
        await press_each(pilot, "u")
        assert screen.comparison.preferences()[shown].preference == "unclear"
        words = words_of(app, "#pairs #pair-words")
        assert "Undone: both wrong → not judged." in words
        await press_each(pilot, "U")
        assert "Redone: not judged → both wrong." in words_of(app, "#pairs #pair-words")
        await press_each(pilot, "U")
        assert "nothing to redo" in words_of(app, "#pairs #pair-words")
        await press_each(pilot, "2 u")
        assert "Undone: right better → both wrong." in words_of(app, "#pairs #pair-words")  # whose is not told
        await press_each(pilot, "R")
        while view.current.key != shown:
            await press_each(pilot, "pageup")
        await press_each(pilot, "0 u")
        assert "Undone: both wrong → indistinguishable." in words_of(app, "#pairs #pair-words")
        assert screen.comparison.preferences()[shown].preference == "unclear"


async def test_the_report_is_written_where_asked(stage: Stage) -> None:
    finished(stage)
    async with opened(stage, "EvaluateScreen", "judging.model", "comparison.base") as (app, pilot, _screen):
        await pilot.press("R")
        await reply(pilot)
        await until(pilot, lambda: "Written" in notices(app))
        assert "5 Evaluate" in (stage.run / "report.html").read_text("utf-8")


async def test_processing_says_which_images_the_gate_lets_through(stage: Stage) -> None:
    finished(stage)
    with Run.open(stage.run) as run:
        gates.add(run, Gate("large", (Axis("AreaSquareMicrons [cell-full]"),), ((0.0,), (1e9,))))
        gates.use_for_drawing(run, "large")
    async with opened(stage, "EvaluateScreen", "judging.model") as (app, pilot, screen):
        await pilot.press("p")
        await until(pilot, lambda: screen.pane == "process")
        assert "Only the images in the gate large" in words_of(app, "#process-words")
