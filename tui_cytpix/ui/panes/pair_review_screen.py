"""Judging the new model against its base, pair by pair: the part of step 5 that decides which is better."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from tui_cytpix.domain.model_card import ModelEntry
from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.verdict import PairVerdict, Preference
from tui_cytpix.errors import UsageError
from tui_cytpix.ui.frame.work import WorkScreen
from tui_cytpix.ui.panes.judging import Judging
from tui_cytpix.ui.panes.pair_review_pane import PairReview, Said
from tui_cytpix.ui.widgets.pictures.pair_view import Pair
from tui_cytpix.workflow.assess import undo
from tui_cytpix.workflow.base_model.differences import Difference
from tui_cytpix.workflow.evaluate import held_out, pair_words
from tui_cytpix.workflow.evaluate import pairs as evaluate_pairs

SAYINGS = {
    Preference.NEW: "new better",
    Preference.BASE: "base better",
    Preference.EQUAL: "equal",
    Preference.NEITHER: "both wrong",
    Preference.UNCLEAR: "indistinguishable",
    Preference.SKIPPED: "skipped",
}


class PairReviewingScreen(WorkScreen):
    """Has a PairReview `#pairs` in its ContentSwitcher; `judging.model` is the new model."""

    def __init__(self) -> None:
        super().__init__()
        self.judging = Judging(self, lambda: self.session.run.settings.evaluate.sequence)
        self.base: ModelEntry | None = None
        self._differences: tuple[Difference, ...] = ()
        self._order: tuple[ImageKey, ...] = ()
        self._new_first: frozenset[ImageKey] = frozenset()
        self._revealed = False
        self._held_out: tuple[object, str] = (None, "")

    @property
    def pair_review(self) -> PairReview:
        """The pane."""
        return self.query_one(PairReview)

    @property
    def blind(self) -> bool:
        """Whether names are hidden."""
        return self.session.run.settings.evaluate.blind and not self._revealed

    def preferences(self) -> dict[ImageKey, PairVerdict]:
        """Those in force."""
        if self.judging.model is None or self.base is None:
            return {}
        return evaluate_pairs.preferences(self.session.run, self.judging.model, self.base)

    def action_pairs(self) -> None:
        """From the first pair without a preference on."""
        if self.judging.model is None or self.base is None or not self._differences:
            self.report(f"There are no pairs yet: {self.key('evaluate.compare')} compares the new model with its base.")
        elif self.session.progress.busy:
            self.report("Both models are still at work: the random order needs all their answers.")
        else:
            self._revealed = False
            seed = evaluate_pairs.seed_of(self.session.run, self.judging.model, self.base)
            self._order = evaluate_pairs.review_order(self._differences, seed)
            self._new_first = frozenset(key for key in self._order if evaluate_pairs.new_comes_first(key, seed))
            self.show_pane("pairs")
            self.set_focus(self.pair_review)
            self._show_pairs(self._next_open())
            self.say_next()

    def action_blind(self) -> None:
        """From the next review on."""
        run = self.session.run
        blind = not run.settings.evaluate.blind
        run.update(replace(run.settings, evaluate=replace(run.settings.evaluate, blind=blind)))
        self.report("Pairs are reviewed blind." if blind else "Pairs are reviewed with the models' names.")

    def _next_open(self, after: ImageKey | None = None) -> ImageKey | None:
        """The next image without a preference; None where none is left."""
        said = self.preferences()
        start = self._order.index(after) + 1 if after in self._order else 0
        return next((k for k in (*self._order[start:], *self._order[:start]) if k not in said), None)

    def _show_pairs(self, start: ImageKey | None) -> None:
        """All pairs in the order of the review."""
        said = self.preferences()
        pairs = [pair for key in self._order if (pair := self._pair(key, said.get(key))) is not None]
        self.pair_review.show_pairs(pairs, start)

    def _pair(self, key: ImageKey, said: PairVerdict | None) -> Pair | None:
        """Both answers, and what was said of them; None where one is missing."""
        assert self.judging.model is not None
        assert self.base is not None
        ours, theirs = (self.session.prediction(model, key) for model in (self.judging.model, self.base))
        if ours is None or theirs is None:
            return None
        blind = self.blind
        names = ("left", "right") if blind else (f"base {self.base.card.name}", f"new {self.judging.model.card.name}")
        sides = (ours, theirs) if blind and key in self._new_first else (theirs, ours)
        return Pair(key, *sides, names=names, blind=blind, said=self._in_words(said) if said else "")

    def _pair_changed(self, key: ImageKey, then: ImageKey, done: str = "") -> None:
        """Another preference, or none any more; `then` is shown next, and what was `done` to it."""
        pair = self._pair(key, self.preferences().get(key))
        if pair is not None:
            self.pair_review.update_pair(pair)
        self.pair_review.go_to(then, done)
        self.say_next()

    def on_pair_review_preferred(self, event: PairReview.Preferred) -> None:
        """Records it and goes on."""
        found = next((d for d in self._differences if d.image == event.pair.key), None)
        if found is None or self.judging.model is None or self.base is None:
            return
        try:
            models = (self.judging.model, self.base)
            preference = self._unblinded(event.pair, event.said)
            evaluate_pairs.prefer(self.session.run, models, found, preference, blind=event.pair.blind)
        except UsageError as error:
            self.report(error)
            return
        following = self._next_open(event.pair.key)
        self._pair_changed(event.pair.key, following or event.pair.key)
        if following is None:
            self.report(f"All pairs are judged: {self.key('app.back')} shows which model is better.")

    def _unblinded(self, pair: Pair, said: Said) -> Preference:
        if isinstance(said, Preference):
            return said
        assert self.judging.model is not None
        ours = self.session.prediction(self.judging.model, pair.key)
        return Preference.NEW if (pair.left, pair.right)[said] is ours else Preference.BASE

    def on_pair_review_taking_back_wished(self, event: PairReview.TakingBackWished) -> None:
        """Undo or redo of a preference; shows its pair."""
        if self.judging.model is None or self.base is None:
            return
        lines = evaluate_pairs.lines(self.session.run, self.judging.model, self.base)
        image, done = undo.take_back(self.session.run, lines, self._in_words, again=event.again)
        if image is None:
            self.pair_review.tell(done)
        else:
            self._pair_changed(image, image, done)

    def _in_words(self, said: PairVerdict | None) -> str:
        """What was said of a pair, without the models' names where it is blind."""
        if said is None or said.preference is None:
            return "not judged"
        if self.blind and said.preference in (Preference.NEW, Preference.BASE):
            left = (said.preference is Preference.NEW) == (said.image in self._new_first)
            return f"{'left' if left else 'right'} better"
        return SAYINGS[said.preference]

    def on_pair_review_reveal_wished(self) -> None:
        """Names from here on; what is said from now on is not blind."""
        self._revealed = True
        current = self.pair_review.current
        self._show_pairs(current.key if current else None)
        self.say_next()

    def pairs_hint(self) -> str:
        """How far the review is."""
        said = self.preferences()
        judged = sum(key in said for key in self._order)
        return (
            f"{judged} of {len(self._order)} judged: {{pair_review.first-better}} left or "
            "{pair_review.second-better} right is better, {pair_review.equal} both right, "
            "{pair_review.neither} both wrong; {app.back} shows what it says so far."
        )

    async def warm_up(self) -> None:
        """Loads SciPy, which the statistics need, off the event loop."""
        await asyncio.to_thread(lambda: (self.pair_lines(), self.held_out_words()))

    def pair_lines(self) -> list[str]:
        """What the preferences say."""
        intolerable = self.session.run.settings.assess.p1
        found = evaluate_pairs.compare(self.session.run, self._differences, self.preferences(), intolerable)
        return pair_words.lines(found)

    def held_out_words(self) -> str:
        """Masks against the annotations that neither model has learnt; computed anew where there are more answers."""
        new, base = self.judging.model, self.base
        if new is None or base is None:
            return ""
        stores = [self.session.predict.store(model) for model in (new, base)]
        state = (
            new.hash,
            *(sum(store.get(key) is not None for key in held_out.images(self.session.run)) for store in stores),
        )
        if self._held_out[0] != state:
            self._held_out = (state, held_out.in_words(held_out.paired_iou(self.session.run, *stores)))
        return self._held_out[1]
