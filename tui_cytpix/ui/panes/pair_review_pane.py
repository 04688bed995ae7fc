"""Judging the new model against its base, pair by pair, one key a preference: it decides which is better."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from textual.binding import BindingType

from tui_cytpix.domain.sample import ImageKey
from tui_cytpix.domain.verdict import PairVerdict, Preference
from tui_cytpix.ui.commands.bindings import bindings
from tui_cytpix.ui.frame.work import WorkScreen
from tui_cytpix.ui.panes.comparison import Comparison
from tui_cytpix.ui.widgets.pictures.pair_view import Pair, PairView
from tui_cytpix.workflow.assess import undo
from tui_cytpix.workflow.evaluate import pairs

SAYINGS = {
    Preference.NEW: "new better",
    Preference.BASE: "base better",
    Preference.EQUAL: "equal",
    Preference.NEITHER: "both wrong",
    Preference.UNCLEAR: "indistinguishable",
    Preference.SKIPPED: "skipped",
}


class PairReview(PairView):
    """Shows the images on which the models of `comparison` differ, in an order and with sides drawn at random."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("pair_review")

    def __init__(self, screen: WorkScreen, comparison: Comparison) -> None:
        super().__init__(id="pairs")
        self._frame, self._comparison = screen, comparison
        self.order: tuple[ImageKey, ...] = ()
        self._new_first: frozenset[ImageKey] = frozenset()
        self._revealed = False

    @property
    def blind(self) -> bool:
        return self._frame.session.run.settings.evaluate.blind and not self._revealed

    def open(self) -> None:
        """From the first pair without a preference on."""
        frame, models, found = self._frame, self._comparison.models, self._comparison.differences
        if models is None or not found:
            key = frame.key("evaluate.compare")
            frame.report(f"There are no pairs yet: {key} compares the new model with its base.")
        elif frame.session.progress.busy:
            frame.report("Both models are still at work: the random order needs all their answers.")
        else:
            self._revealed = False
            seed = pairs.seed_of(frame.session.run, *models)
            self.order = pairs.review_order(found, seed)
            self._new_first = frozenset(key for key in self.order if pairs.new_comes_first(key, seed))
            frame.show_pane("pairs")
            frame.set_focus(self)
            self._show_all(self._next_open())
            frame.say_next()

    def switch_blind(self) -> None:
        run = self._frame.session.run
        blind = not run.settings.evaluate.blind
        run.update(replace(run.settings, evaluate=replace(run.settings.evaluate, blind=blind)))
        self._frame.report("Pairs are reviewed blind." if blind else "Pairs are reviewed with the models' names.")

    def hint(self) -> str:
        said = self._comparison.preferences()
        judged = sum(key in said for key in self.order)
        return (
            f"{judged} of {len(self.order)} judged: {{pair_review.first-better}} left or "
            "{pair_review.second-better} right is better, {pair_review.equal} both right, "
            "{pair_review.neither} both wrong; {app.back} shows what it says so far."
        )

    # What is shown

    def _next_open(self, after: ImageKey | None = None) -> ImageKey | None:
        """The next image without a preference; None where none is left."""
        said = self._comparison.preferences()
        start = self.order.index(after) + 1 if after in self.order else 0
        return next((k for k in (*self.order[start:], *self.order[:start]) if k not in said), None)

    def _show_all(self, start: ImageKey | None) -> None:
        said = self._comparison.preferences()
        self.show_pairs([pair for key in self.order if (pair := self._pair(key, said.get(key))) is not None], start)

    def _pair(self, key: ImageKey, said: PairVerdict | None) -> Pair | None:
        """Both answers, and what was said of them; None where one is missing."""
        models = self._comparison.models
        assert models is not None
        ours, theirs = (self._frame.session.prediction(model, key) for model in models)
        if ours is None or theirs is None:
            return None
        new, base = (model.card.name for model in models)
        names = ("left", "right") if self.blind else (f"base {base}", f"new {new}")
        sides = (ours, theirs) if self.blind and key in self._new_first else (theirs, ours)
        return Pair(key, sides, names=names, blind=self.blind, said=self._in_words(said) if said else "")

    def _changed(self, key: ImageKey, then: ImageKey, done: str = "") -> None:
        """Another preference, or none any more; `then` is shown next, and what was `done` to it."""
        pair = self._pair(key, self._comparison.preferences().get(key))
        if pair is not None:
            self.update_pair(pair)
        self.go_to(then, done)
        self._frame.say_next()

    def _in_words(self, said: PairVerdict | None) -> str:
        """What was said of a pair, without the models' names where it is blind."""
        if said is None or said.preference is None:
            return "not judged"
        if self.blind and said.preference in (Preference.NEW, Preference.BASE):
            left = said.preference is pairs.on_side(True, said.image in self._new_first)
            return f"{'left' if left else 'right'} better"
        return SAYINGS[said.preference]

    # Saying

    def action_prefer(self, preference: str | int) -> None:
        """A `Preference`, or the place of the better answer: 0 left, 1 right."""
        pair, models = self.current, self._comparison.models
        found = next((d for d in self._comparison.differences if pair is not None and d.image == pair.key), None)
        if pair is None or found is None or models is None:
            return
        if isinstance(preference, str):
            said = Preference(preference)
        else:
            said = pairs.on_side(preference == 0, pair.blind and pair.key in self._new_first)
        pairs.prefer(self._frame.session.run, models, found, said, blind=pair.blind)
        following = self._next_open(pair.key)
        self._changed(pair.key, following or pair.key)
        if following is None:
            self._frame.report(f"All pairs are judged: {self._frame.key('app.back')} shows which model is better.")

    def action_take_back(self, again: bool) -> None:
        """Undo or redo of a preference, beside that of a judgement."""
        models, run = self._comparison.models, self._frame.session.run
        if models is None:
            return
        image, done = undo.take_back(run, pairs.lines(run, *models), self._in_words, again=again)
        if image is None:
            self.tell(done)
        else:
            self._changed(image, image, done)

    def action_reveal(self) -> None:
        """Names from here on; what is said from now on is not blind."""
        self._revealed = True
        self._show_all(self.current.key if self.current else None)
        self._frame.say_next()
