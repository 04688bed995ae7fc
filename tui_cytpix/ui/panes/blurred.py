"""Step 1's blurred images: how sharp each is, and which the review leaves out."""

from __future__ import annotations

from collections.abc import Callable

from tui_cytpix.domain.entered_numbers import focus_score
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.ui.frame.work import WorkScreen
from tui_cytpix.ui.panes.judging import Judging
from tui_cytpix.workflow.assess import focus, review


class Blurred:
    """Leaves them out of `judging`, where that was asked for; calls `changed` where others are left out."""

    def __init__(self, screen: WorkScreen, judging: Judging, changed: Callable[[], object]) -> None:
        self._screen, self._judging, self._changed = screen, judging, changed
        self.scores: dict[ImageKey, float] = {}
        judging.left_out = self._is_left_out

    @property
    def _least(self) -> float:
        """The focus score that an image needs; 0: none."""
        return self._screen.session.run.settings.assess.least_focus

    def _is_left_out(self, key: ImageKey) -> bool:
        return focus.is_blurred(self.scores, key, self._least)

    def ask(self) -> None:
        """Scores the images, then asks where to draw the line."""
        self._screen.start(self._ask(), "focus")

    async def _ask(self) -> None:
        if await self._score():
            question = f"{focus.quartiles_in_words(self.scores)}. Leave out images below (0: none)?"
            self._screen.ask_number(question, self._least, self._set, focus_score)

    def _set(self, least: float) -> None:
        review.set_least_focus(self._screen.session.run, least)
        self._changed()

    def score_where_asked(self) -> None:
        """Scores what is processed, where a line was drawn."""
        if self._least:
            self._screen.start(self._score_and_show(), "focus")

    async def _score_and_show(self) -> None:
        if await self._score():
            self._screen.say_next()

    async def _score(self) -> bool:
        model, run, images = self._judging.model, self._screen.session.run, self._judging.sequence
        if model is None:
            return False
        store = self._screen.session.predict.store(model)
        scoring = self._screen.in_thread("Scoring focus", lambda tell: focus.scores(run, model, store, images, tell))
        found = await scoring
        self.scores = found or self.scores
        return found is not None

    def lines(self) -> list[str]:
        """How errors go with the focus; how many of those that are processed are left out."""
        verdicts, processed = self._judging.verdicts(), self._judging.processed()
        return [
            focus.errors_in_words(self.scores, verdicts),
            focus.left_out_in_words(self.scores, processed, verdicts, self._least),
        ]
