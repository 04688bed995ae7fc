"""The new model against its base: their answers, and what was said of them."""

from __future__ import annotations

import asyncio

from tui_cytpix.domain.model_card import ModelEntry
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.verdict import PairVerdict, Showing
from tui_cytpix.ui.frame.base import StepScreen
from tui_cytpix.ui.panes.judging import Judging
from tui_cytpix.workflow.assess import blind_first
from tui_cytpix.workflow.base_model import differences
from tui_cytpix.workflow.base_model.differences import Difference
from tui_cytpix.workflow.evaluate import held_out_masks, pair_words, pairs

Models = tuple[ModelEntry, ModelEntry]


class Comparison:
    """The new model, and the images, are those of `judging`."""

    def __init__(self, screen: StepScreen, judging: Judging) -> None:
        self._screen, self._judging = screen, judging
        self.base: ModelEntry | None = None
        judging.rival = lambda: self.base
        self.differences: tuple[Difference, ...] = ()
        self._compared: object = None
        self._standing: tuple[object, dict[Showing, PairVerdict]] = (None, {})
        self._held_out: tuple[object, str] = (None, "")

    @property
    def models(self) -> Models | None:
        """The new one and the base; None where one is missing."""
        new, base = self._judging.model, self.base
        return None if new is None or base is None else (new, base)

    @property
    def same(self) -> bool:
        models = self.models
        return models is not None and models[0].hash == models[1].hash

    def compare_answers(self) -> None:
        """What both models have answered; anew where there is another answer."""
        models = self.models
        if models is None:
            self._compared, self.differences = None, ()
            return
        new, base = models
        stores = [self._screen.session.predict.store(model) for model in (base, new)]
        state = (self._judging.sequence, base.hash, new.hash, *(len(store.keys()) for store in stores))
        if self._compared != state:  # hundreds of masks are laid over each other
            self._compared, self.differences = state, differences.between(self._judging.sequence, *stores)

    def preferences(self) -> dict[ImageKey, PairVerdict]:
        return {showing.image: said for showing, said in self.standing().items() if not showing.repeat}

    def standing(self) -> dict[Showing, PairVerdict]:
        """The same, and what was said of repeats; read anew where more was said, as a key asks often."""
        models, run = self.models, self._screen.session.run
        if models is None:
            return {}
        state = (len(run.pair_verdicts), *(model.hash for model in models), run.settings.base_model.zoom)
        if self._standing[0] != state:
            self._standing = state, pairs.standing(run, *models)
        return self._standing[1]

    @property
    def all_judged(self) -> bool:
        """Nothing that a review of pairs shows is left to judge."""
        models, said = self.models, self.preferences()
        if models is None or not self.differences:
            return False
        order = pairs.review_order(self.differences, pairs.seed_of(self._screen.session.run, *models))
        return all(image in said for image in order)

    async def warm_up(self) -> None:
        """Loads SciPy, which the statistics need, off the event loop."""
        await asyncio.to_thread(lambda: (self.lines(), self.held_out_words()))

    def lines(self) -> list[str]:
        run = self._screen.session.run
        found = pairs.conclude(run, self.differences, self.preferences(), run.settings.assess.p1)
        return [*pair_words.lines(found), *self.repeatability_lines()]

    def repeatability_lines(self) -> list[str]:
        return blind_first.in_words(blind_first.repeatability(self.standing().values()))

    def held_out_words(self) -> str:
        """Masks against the annotations that neither model has learnt; computed anew where there are more answers."""
        models, run = self.models, self._screen.session.run
        if models is None:
            return ""
        stores = [self._screen.session.predict.store(model) for model in models]
        images = held_out_masks.images(run)
        state = (models[0].hash, *(sum(store.get(key) is not None for key in images) for store in stores))
        if self._held_out[0] != state:
            self._held_out = (state, held_out_masks.in_words(held_out_masks.paired_iou(run, *stores)))
        return self._held_out[1]
