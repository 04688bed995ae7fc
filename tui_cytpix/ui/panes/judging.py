"""What a step judges, and what was said of it: the state that a review, a gallery and a tally share."""

from __future__ import annotations

from collections.abc import Callable

from rich.text import Text

from tui_cytpix.domain.model_card import ModelEntry
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.segmentation import Segmentation
from tui_cytpix.domain.verdict import Judgement, Showing, Verdict
from tui_cytpix.ui.frame.work import WorkScreen
from tui_cytpix.ui.widgets.gallery.gallery import GalleryItem, Tone
from tui_cytpix.ui.widgets.panels.help_panel import Legend
from tui_cytpix.workflow.assess import blind_first, goal, over_sampling, review, undo
from tui_cytpix.workflow.assess.review import Said
from tui_cytpix.workflow.assess.verdict import Assessment, assess_verdicts
from tui_cytpix.workflow.assess.verdict_words import verdict_lines
from tui_cytpix.workflow.run import used_images

BADGES: dict[Judgement, tuple[str, Tone, str]] = {
    Judgement.ACCEPTABLE: ("", "good", "acceptable"),
    Judgement.COUNT_ERROR: ("C", "bad", "count error"),
    Judgement.MASK_ERROR: ("M", "bad", "mask error"),
    Judgement.BOTH: ("CM", "bad", "count and mask error"),
    Judgement.UNUSABLE: ("x", "muted", "unusable frame"),
    Judgement.INDISTINGUISHABLE: ("?", "warn", "indistinguishable"),
    Judgement.SKIPPED: ("–", "muted", "skipped"),
    Judgement.COUNT_RIGHT: ("m?", "muted", "count right, mask not judged"),
    Judgement.COUNT_WRONG: ("C?", "bad", "count error, mask not judged"),
    Judgement.MASK_RIGHT: ("", "good", "mask fits, count not judged"),
    Judgement.MASK_WRONG: ("M", "bad", "mask error, count not judged"),
}
LEGEND: Legend = (
    ("✓", "acceptable"),
    ("C", "count error"),
    ("M", "mask error; m? C?: the mask is not judged"),
    ("x", "unusable frame"),
    ("?", "indistinguishable"),
    ("–", "skipped"),
    ("■", "marked"),
)


def in_words(verdict: Verdict | None) -> str:
    """A judgement, with the count that was stated."""
    if verdict is None or verdict.judgement is None:
        return "not judged"
    stated = "" if verdict.true_count is None else f", {verdict.true_count} there"
    return f"{BADGES[verdict.judgement][2]}{stated}"


class Judging:
    """One model's answers on the images of a random draw, `sequence`, but for those that are `left_out`."""

    def __init__(self, screen: WorkScreen) -> None:
        self._screen = screen
        self.left_out: Callable[[ImageKey], bool] = lambda _key: False
        self.model: ModelEntry | None = None
        self.rival: Callable[[], ModelEntry | None] = lambda: None
        self._drawn: tuple[object, tuple[ImageKey, ...]] = (None, ())
        self._standing: tuple[object, dict[Showing, Verdict]] = (None, {})
        self._assessed: tuple[object, Assessment | None] = (None, None)
        self._shown: tuple[object, list[ImageKey]] = (None, [])

    @property
    def sequence(self) -> tuple[ImageKey, ...]:
        """Of the step's random draw what is still fresh for the model (and its base); found anew where that may have
        changed.
        """
        run, models = self._screen.session.run, self.models
        said = len(run.verdicts), len(run.pair_verdicts), run.annotations.last_seq, len(run.images.pixels)
        state = (run.settings, said, [model.hash for model in models])
        if self._drawn[0] != state:
            self._drawn = state, used_images.still_fresh(run, self._screen.step, models)
        return self._drawn[1]

    @property
    def models(self) -> list[ModelEntry]:
        """The one that is judged, and what it is held against."""
        return [model for model in (self.model, self.rival()) if model is not None]

    def fresh_lines(self) -> list[str]:
        """What has dropped out of the draw, and what the verdict is valid for."""
        run = self._screen.session.run
        gone = used_images.gone_in_words(run, self._screen.step, self.models)
        return [gone, "" if self.model is None else used_images.valid_for(run, self.model, self.to_judge())]

    def verdicts(self) -> dict[ImageKey, Verdict]:
        return {showing.image: verdict for showing, verdict in self.standing().items() if not showing.repeat}

    def standing(self) -> dict[Showing, Verdict]:
        """What was said, of repeats too."""
        if self.model is None:
            return {}
        run = self._screen.session.run
        state = (len(run.verdicts), self.model.hash, run.settings.base_model.zoom)
        if self._standing[0] != state:
            self._standing = (state, review.standing_of(run, self.model, self._screen.step))
        return self._standing[1]

    def said(self, showing: Showing) -> Judgement | None:
        verdict = self.standing().get(showing)
        return verdict.judgement if verdict else None

    def processed(self) -> list[ImageKey]:
        """The images of the random sequence that the model has answered, in its order."""
        if self.model is None:
            return []
        answered = set(self._screen.session.predict.store(self.model).keys())
        return [key for key in self.sequence if key in answered]

    def answers(self) -> list[Segmentation]:
        """Those to the images of the random sequence, so far."""
        if self.model is None:
            return []
        store = self._screen.session.predict.store(self.model)
        return [answer for key in self.sequence if (answer := store.get(key)) is not None]

    def to_judge(self) -> list[ImageKey]:
        """Those of them that are shown for review."""
        if self.model is None:
            return []
        run, processed = self._screen.session.run, self.processed()
        state = (processed, run.settings, self.model.hash)  # what is said later is of images shown, or isn't counted
        if self._shown[0] != state:
            store = self._screen.session.predict.store(self.model)
            shown = over_sampling.to_review(run, self._screen.step, self.model.hash, processed, store)
            self._shown = state, shown
        return [key for key in self._shown[1] if not self.left_out(key)]

    # Blind first

    @property
    def blind_first(self) -> bool:
        return blind_first.is_on(self._screen.session.run, self._screen.step)

    def switch_blind_first(self) -> None:
        on = blind_first.switch(self._screen.session.run, self._screen.step)
        self._screen.report(blind_first.switched_in_words(on))
        self._screen.refresh_all()

    def showings(self) -> list[Showing]:
        """The images to judge as they come up; blind first, with repeats."""
        images = self.to_judge()
        if self.model is None or not self.blind_first:
            return [Showing(key) for key in images]
        return review.showings(self._screen.session.run, self.model, images, self._screen.step)

    def may_show(self, showing: Showing) -> bool:
        """A repeat only where there is something to say again."""
        first = self.standing().get(Showing(showing.image))
        return not showing.repeat or blind_first.may_repeat(first, self._screen.session.run.who)

    def hides(self, showing: Showing) -> bool:
        """Whether the model's answer is to stay hidden: blind first, until the count is stated."""
        said = self.standing().get(showing)
        return self.blind_first and not (said is not None and said.showed_answer)

    def repeatability_lines(self) -> list[str]:
        return blind_first.in_words(blind_first.repeatability(self.standing().values()))

    # The verdict

    def assessment(self) -> Assessment:
        """What the judgements so far decide; computed anew where one of these changed: a key asks several times."""
        images, verdicts, settings = self.to_judge(), self.verdicts(), self._screen.session.run.settings.assess
        state, found = (images, self._standing[0], settings), self._assessed[1]
        if found is None or self._assessed[0] != state:
            following = over_sampling.Shown.of(self._screen.session.run, self._screen.step).following
            found = assess_verdicts(images, verdicts, settings, following)
            self._assessed = (state, found)
        return found

    def budget_lines(self) -> list[str]:
        """How many judgements it may take."""
        settings = self._screen.session.run.settings.assess
        return over_sampling.budget_in_words(over_sampling.budgets(settings, self.sequence, self.answers()))

    def prediction(self, key: ImageKey) -> Segmentation | None:
        return None if self.model is None else self._screen.session.prediction(self.model, key)

    def shown_prediction(self, key: ImageKey) -> Segmentation | None:
        """None also where a review is to ask for the count first."""
        return None if self.hides(Showing(key)) else self.prediction(key)

    # Saying

    def judge(self, showing: Showing, judgement: Judgement) -> bool:
        """Records it; False where there is no model to judge."""
        return self._say(showing, judgement, None)

    def state_count(self, showing: Showing, count: int) -> bool:
        """Right where the model counts the same, else a count error whose true count is known; False where the model
        has not answered.
        """
        return self.prediction(showing.image) is not None and self._say(showing, None, count)

    def _say(self, showing: Showing, judgement: Judgement | None, true_count: int | None) -> bool:
        if self.model is None:
            return False
        answer = self.prediction(showing.image)
        counted = None if answer is None else answer.particle_count
        hidden = self.hides(showing)
        said = Said(showing.image, judgement, counted, true_count, answer, blind_first=hidden, repeat=showing.repeat)
        review.judge_all(self._screen.session.run, self.model, [said], self._screen.step)
        return True

    def take_back(self, model: ModelEntry, *, again: bool) -> tuple[Showing | None, str]:
        """Undo or redo: the showing it was about, and what was done."""
        run = self._screen.session.run
        return undo.take_back(run, review.lines(run, model, self._screen.step), in_words, again=again)

    # Showing

    def lines(self, key: ImageKey) -> list[str | Text]:
        settings = self._screen.session.run.settings.assess
        return [
            self._zoom_words(key),
            *(line for line in verdict_lines(self.assessment()) if line),
            *self.repeatability_lines(),
            *goal.history_in_words(settings),
            self.convention_line(),
        ]

    def convention_line(self) -> str:
        settings = self._screen.session.run.settings.assess
        return (
            f"Counting convention: {settings.counting_convention.rstrip('.')}." if settings.counting_convention else ""
        )

    def _zoom_words(self, key: ImageKey) -> str:
        """Where the image isn't seen as large as it is by its scale."""
        zoom = None if self.model is None else self._screen.session.predict.store(self.model).zoom(key.sample)
        if zoom is None or (zoom.times == 1 and zoom.um_per_px is not None):
            return ""
        return f"{zoom.in_words().capitalize()}."

    def gallery_item(self, key: ImageKey) -> GalleryItem:
        showing, segmentation = Showing(key), self.shown_prediction(key)
        judgement = self.said(showing)
        if judgement is None:
            return GalleryItem(key, segmentation)
        badge, tone, words = BADGES[judgement]
        count = "" if segmentation is None else str(segmentation.particle_count)
        return GalleryItem(key, segmentation, badge, tone, f"{count} ✓" if not badge else count, words)
