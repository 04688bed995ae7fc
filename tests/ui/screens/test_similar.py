"""More like this, by keys: from any gallery, the editor and the flips to similar images, and these into the preview."""

from __future__ import annotations

import threading

import pytest
from driving import notices, press_each, until
from steps import IMAGES, SAMPLE, Stage, accepted, on_screen, opened, reply, select, state_goal, truth, words_of
from textual.pilot import Pilot

from tui_cytpix.domain.annotation import Status
from tui_cytpix.domain.jobs.training import Epoch, Flip, JobState, TrainingStatus
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.formats.run.images import RunImages
from tui_cytpix.ui.screens.similar import SimilarScreen
from tui_cytpix.ui.widgets.gallery.gallery import Gallery
from tui_cytpix.ui.widgets.pictures.event_image import EventImageView
from tui_cytpix.workflow.train.watch import TrainingWatch


async def alike(pilot: Pilot) -> SimilarScreen:
    """Presses the key and waits until every image is compared."""
    await pilot.press("A")
    screen = await on_screen(pilot, "SimilarScreen")
    assert isinstance(screen, SimilarScreen)
    whole = f"Compared {IMAGES} of {IMAGES} images in 1 sample"
    await until(pilot, lambda: whole in words_of(pilot.app, "#about"), "a whole comparison")
    await until(pilot, lambda: not screen.task_bar.working)
    return screen


def key_of(number: int) -> ImageKey:
    return ImageKey(SAMPLE, list(truth())[number])


@pytest.mark.parametrize("size", [(80, 24), (150, 44)])
async def test_similar_images_are_shown_selected_and_taken_out_again(stage: Stage, size: tuple[int, int]) -> None:
    select(stage, annotated=3)
    async with opened(stage, "TrainScreen", "base", size=size) as (app, pilot, train):
        await press_each(pilot, "l")
        screen = await alike(pilot)
        chosen = app.session.run.settings.selection
        keys = [item.key for item in screen.gallery.items]
        assert keys[0] == key_of(1)
        assert len(keys) == len(set(keys)) == IMAGES
        marks = {item.key: item.verdict for item in screen.gallery.items}
        assert [marks[key_of(n)] for n in (0, 3, 20)] == ["annotated", "selected", ""]
        assert screen.gallery.current_key == key_of(1)
        await until(pilot, lambda: all(item.segmentation for item in screen.gallery.items), "the base's answers")
        new = [key for key in keys if key not in chosen.images][:2]
        for key in new:
            screen.gallery.go_to(key)
            await press_each(pilot, "space")
        await press_each(pilot, "t")
        await until(pilot, lambda: "2 images added" in notices(app))
        assert app.session.run.settings.selection.similar == tuple(new)
        assert {item.verdict for item in screen.gallery.items if item.key in new} == {"selected"}
        await press_each(pilot, "t")
        await until(pilot, lambda: "2 images taken out" in notices(app))
        assert app.session.run.settings.selection == chosen
        await press_each(pilot, "t")
        await until(pilot, lambda: app.session.run.settings.selection.similar)
        await press_each(pilot, "q")
        await on_screen(pilot, "TrainScreen")
        await until(pilot, lambda: set(new) <= {item.key for item in train.gallery.items})
        await until(pilot, lambda: all(item.segmentation for item in train.gallery.items), "proposals of the new ones")
        await press_each(pilot, "comma")
        samples = await on_screen(pilot, "SamplesScreen")
        await until(pilot, lambda: "2 added as similar" in words_of(app, "#about-words"))
        await press_each(pilot, "v")
        assert [i.key for i in samples.gallery.items if i.caption == "similar"] == new


async def test_an_image_is_annotated_from_there_and_enlarged(stage: Stage) -> None:
    select(stage)
    async with opened(stage, "TrainScreen", "base", size=(150, 44)) as (app, pilot, _train):
        screen = await alike(pilot)
        await press_each(pilot, "enter l")
        enlarged = screen.query_one(EventImageView)
        assert enlarged.display
        assert enlarged.key == screen.gallery.current_key != key_of(0)
        open_one = next(k for k in screen._keys if k not in app.session.run.settings.selection.images)
        screen.gallery.go_to(open_one)
        await press_each(pilot, "e")
        editor = await on_screen(pilot, "AnnotateScreen")
        assert editor.images.key == open_one
        await until(pilot, lambda: editor.editor.state and editor.editor.state.segmentation)
        await press_each(pilot, "a")
        await until(pilot, lambda: accepted(app.session.run) == 1)
        await press_each(pilot, "q")
        await on_screen(pilot, "SimilarScreen")
        assert screen.gallery.order.all[open_one].verdict == "annotated"
        assert open_one in app.session.run.settings.selection.similar
        await alike(pilot)  # of that one, in the same place
        assert screen.gallery.items[0].key == open_one
        await press_each(pilot, "m")
        await until(pilot, lambda: "All images are compared" in notices(app))
        await press_each(pilot, "q")
        await on_screen(pilot, "TrainScreen")


async def test_the_key_works_in_the_editor_and_among_flips(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    select(stage, annotated=10)
    flip = Flip(key_of(5), ((1, 1), (2, 2), (3, 1)))
    status = TrainingStatus(JobState.STOPPED, epochs=(Epoch(3, 0.1, 0.9, 0.8, 3.0, 8, 2),), target=3, flips=(flip,))
    monkeypatch.setattr(TrainingWatch, "poll", lambda _self: status)
    async with opened(stage, "TrainScreen", "base") as (app, pilot, _train):
        await until(pilot, lambda: app.session.training is status)
        await press_each(pilot, "l l enter")
        await on_screen(pilot, "AnnotateScreen")
        editor = pilot.app.screen
        assert (await alike(pilot)).image == key_of(2)
        await press_each(pilot, "e x q q")  # decided about in an editor on top
        await until(pilot, lambda: editor.editor.state.status is Status.REJECTED)
        await press_each(pilot, "q t A")
        await until(pilot, lambda: "Show the flips first" in notices(app))
        await press_each(pilot, "f")
        assert (await alike(pilot)).image == key_of(5)


async def test_the_key_works_in_reviews_and_in_step_3(stage: Stage) -> None:
    select(stage)
    state_goal(stage)
    async with opened(stage, "TrainScreen", "base") as (_app, pilot, _train):
        await press_each(pilot, "comma")
        samples = await on_screen(pilot, "SamplesScreen")
        await press_each(pilot, "v")
        assert isinstance(samples.focused, Gallery)
        assert (await alike(pilot)).image == key_of(0)
        await press_each(pilot, "q comma comma")
        assess = await on_screen(pilot, "AssessScreen")
        await until(pilot, lambda: assess.judging.model)
        await press_each(pilot, "p")
        await reply(pilot, "12")
        await until(pilot, lambda: len(assess.judging.to_judge()) == 12)
        await press_each(pilot, "v")
        assert (await alike(pilot)).image == assess.review_pane.current
        await press_each(pilot, "q")
        assert assess.review_pane.current == assess.judging.sequence[0]
        assert not assess.judging.verdicts()


async def test_a_long_search_shows_what_it_has_and_ends_when_cancelled(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    select(stage)
    read, go_on, reads = RunImages.read, threading.Event(), threading.local()

    def slow(self: RunImages, key: ImageKey) -> object:
        reads.count = getattr(reads, "count", 0) + 1
        if threading.current_thread().name.startswith("asyncio") and reads.count > 5:
            go_on.wait(10)
        return read(self, key)

    monkeypatch.setattr(RunImages, "read", slow)
    async with opened(stage, "TrainScreen", "base") as (app, pilot, _train):
        await pilot.press("A")
        screen = await on_screen(pilot, "SimilarScreen")
        await until(pilot, lambda: screen.task_bar.working and "Compared" in words_of(app, "#about"))
        await press_each(pilot, "C")
        go_on.set()
        await until(pilot, lambda: "cancelled" in notices(app))
        await until(pilot, lambda: len(screen.gallery.items) > 1, "what was described before")
        assert 1 < screen.search.compared < IMAGES
        await press_each(pilot, "m")  # and on
        await until(pilot, lambda: screen.search.compared == IMAGES)
