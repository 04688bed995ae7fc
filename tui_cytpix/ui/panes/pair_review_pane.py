"""Judging the new model against its base, pair by pair, one key a preference: it decides which is better."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from rich.style import Style
from rich.text import Text
from textual.binding import BindingType

from tui_cytpix.domain.verdict import PairVerdict, Preference, Showing
from tui_cytpix.ui.commands.bindings import bindings
from tui_cytpix.ui.frame.work import WorkScreen
from tui_cytpix.ui.panes.comparison import Comparison
from tui_cytpix.ui.widgets.pictures.pair_view import Pair, PairView
from tui_cytpix.workflow.assess import blind_first, undo
from tui_cytpix.workflow.base_model.differences import Difference
from tui_cytpix.workflow.evaluate import pairs

SAYINGS = {
    Preference.NEW: "new better",
    Preference.BASE: "base better",
    Preference.EQUAL: "equal",
    Preference.NEITHER: "both wrong",
    Preference.UNCLEAR: "indistinguishable",
    Preference.SKIPPED: "skipped",
    Preference.COUNT_RIGHT: "both right, masks not compared",
}
ON_RAW = ("unclear", "skipped")  # blind first, what can be said by a word before the answers are shown


class PairReview(PairView, inherit_bindings=False):
    """Shows the images on which the models of `comparison` differ, in an order and with sides drawn at random. Blind
    first, an image comes raw, for its count; where both models count so, their answers follow, for the masks.
    """

    BINDINGS: ClassVar[list[BindingType]] = bindings("pair_review", "pair_count", "pair")  # as the footer shows them

    def __init__(self, screen: WorkScreen, comparison: Comparison) -> None:
        super().__init__(id="pairs")
        self._frame, self._comparison = screen, comparison
        self.order: tuple[Showing, ...] = ()
        self._new_first: frozenset[Showing] = frozenset()
        self._revealed = False

    @property
    def blind(self) -> bool:
        settings = self._frame.session.run.settings.evaluate
        return (settings.blind or settings.blind_first) and not self._revealed

    @property
    def blind_first(self) -> bool:
        return self._frame.session.run.settings.evaluate.blind_first and not self._revealed

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
            self.order = pairs.showings(frame.session.run, models, found, repeats=self.blind_first)
            seed = pairs.seed_of(frame.session.run, *models)
            self._new_first = frozenset(
                one for one in self.order if pairs.new_comes_first(one.image, seed, repeat=one.repeat)
            )
            frame.show_pane("pairs")
            frame.set_focus(self)
            self._show_all(self._next_open())
            frame.say_next()

    def switch_blind(self) -> None:
        run = self._frame.session.run
        blind = not run.settings.evaluate.blind
        run.update(replace(run.settings, evaluate=replace(run.settings.evaluate, blind=blind)))
        if run.settings.evaluate.blind_first and not blind:
            key = self._frame.key("evaluate.blind-first")
            self._frame.report(f"Pairs are reviewed blind nevertheless, as they are blind first: {key} switches that.")
        else:
            self._frame.report("Pairs are reviewed blind." if blind else "Pairs are reviewed with the models' names.")

    def hint(self) -> str:
        """Blind first in one row, as another would move the images."""
        said = self._comparison.standing()
        if not self.blind_first:
            judged = sum(one in said for one in self.order)
            differ = sum(map(pairs.differs, self._comparison.differences))
            agree = len(self.order) - differ
            which = f" (on {differ} the models differ, on {agree} they agree)" if agree else ""
            return (
                f"{judged} of {len(self.order)} judged{which}: {{pair_review.first-better}} left or "
                "{pair_review.second-better} right is better, {pair_review.equal} both right, "
                "{pair_review.neither} both wrong; {app.back} shows the result so far."
            )
        if self.current is not None and self.current.raw:
            return (
                "How many? {pair_count.true-0} to {pair_count.true-9} say it; {pair_review.unclear} can't be told "
                "apart, {pair_review.skip} skips."
            )
        return (
            "Which mask is better? {pair_review.first-better} left, {pair_review.second-better} right, "
            "{pair_review.equal} equal; {pair_review.skip} on, {pair_review.undo} count back."
        )

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Blind first, keys do only what belongs to what is shown."""
        if not self.blind_first or self.current is None:
            return action != "true"
        raw = self.current.raw
        if action == "prefer":
            return parameters[0] in ON_RAW if raw else parameters[0] in (0, 1, "equal", "skipped")
        return action != "true" or raw

    # What is shown

    def _may_show(self, showing: Showing) -> bool:
        """A repeat only where there is something to say again."""
        first = self._comparison.standing().get(Showing(showing.image))
        return not showing.repeat or blind_first.may_repeat(first, self._frame.session.run.who)

    def _next_open(self, after: Showing | None = None) -> Showing | None:
        """The next image without a preference, then one whose masks are still to be compared; None where none is
        left.
        """
        said = self._comparison.standing()
        start = self.order.index(after) + 1 if after in self.order else 0
        following = [one for one in (*self.order[start:], *self.order[:start]) if self._may_show(one)]
        masks = (one for one in following if one in said and said[one].masks_open and one != after)
        return next((one for one in following if one not in said), next(masks, None))

    def _show_all(self, start: Showing | None) -> None:
        said = self._comparison.standing()
        self.show_pairs([pair for one in self.order if (pair := self._pair(one, said.get(one))) is not None])
        if start is not None:
            self.go_to(start)

    def _pair(self, showing: Showing, said: PairVerdict | None) -> Pair | None:
        """Both answers, and what was said of them; None where one is missing."""
        models = self._comparison.models
        assert models is not None
        ours, theirs = (self._frame.session.prediction(model, showing.image) for model in models)
        if ours is None or theirs is None:
            return None
        new, base = (model.card.name for model in models)
        names = ("left", "right") if self.blind else (f"base {base}", f"new {new}")
        sides = (ours, theirs) if self.blind and showing in self._new_first else (theirs, ours)
        raw = self.blind_first and not (said is not None and said.showed_answer)
        words = self._in_words(said) if said else ""
        return Pair(showing.image, sides, names, self.blind, words, raw, showing.repeat)

    def headline(self, pair: Pair) -> Text:
        """Blind first without event and place, which would tell that an image comes again."""
        if not self.blind_first:
            return super().headline(pair)
        return Text(f"{len(self._comparison.standing())} judged", Style(bold=True))

    def go_to(self, showing: Showing, done: str = "") -> None:
        super().go_to(showing, done)
        self._frame.refresh_bindings()

    @property
    def _last(self) -> int:
        return max((i for i, pair in enumerate(self._pairs) if self._may_show(pair.showing)), default=0)

    def action_go(self, by: int) -> None:
        """The pair before or after; a repeat only once it has come."""
        places = range(self._at + by, len(self._pairs) if by > 0 else -1, by)
        at = next((i for i in places if self._may_show(self._pairs[i].showing)), self._at)
        super().action_go(at - self._at)
        self._frame.refresh_bindings()
        self._frame.say_next()

    def _changed(self, showing: Showing, then: Showing, done: str = "") -> None:
        """Another preference, or none any more; `then` is shown next, and what was `done` to it."""
        pair = self._pair(showing, self._comparison.standing().get(showing))
        if pair is not None:
            self.update_pair(pair)
        self.go_to(then, done)
        self._frame.say_next()

    def _in_words(self, said: PairVerdict | None) -> str:
        """What was said of a pair, without the models' names where it is blind."""
        if said is None or said.preference is None:
            return "not judged"
        if self.blind_first and said.true_count is not None and not said.showed_answer:
            return f"{said.true_count} there"  # what follows from that would tell what the models count
        if self.blind and said.preference in (Preference.NEW, Preference.BASE):
            left = said.preference is pairs.on_side(True, said.showing in self._new_first)
            return f"{'left' if left else 'right'} better"
        return SAYINGS[said.preference]

    # Saying

    @property
    def _found(self) -> Difference | None:
        pair = self.current
        return next((d for d in self._comparison.differences if pair is not None and d.image == pair.key), None)

    def action_prefer(self, preference: str | int) -> None:
        """A `Preference`, or the place of the better answer: 0 left, 1 right."""
        pair = self.current
        if pair is None:
            return
        if self.blind_first and not pair.raw and preference == Preference.SKIPPED:
            self._go_on(pair)  # the count that was stated stands
        elif isinstance(preference, str):
            self._say(pair, Preference(preference))
        else:
            self._say(pair, pairs.on_side(preference == 0, pair.blind and pair.showing in self._new_first))

    def action_true(self, count: int) -> None:
        """So many particles there are; where both models count so, their masks come next."""
        pair = self.current
        if pair is not None:
            self._say(pair, count)

    def _say(self, pair: Pair, said: Preference | int) -> None:
        models, found = self._comparison.models, self._found
        if found is None or models is None:
            return
        run = self._frame.session.run
        pairs.prefer(run, models, found, said, blind=pair.blind, hidden=pair.raw, repeat=pair.repeat)
        if isinstance(said, int) and self._comparison.standing()[pair.showing].masks_open:
            self._show_overlay()
            self._changed(pair.showing, pair.showing)
        else:
            self._go_on(pair)

    def _show_overlay(self) -> None:
        """Which is to be judged now."""
        for view in self._views:
            if view.display_settings.overlay == "off":
                view.action_overlay_off()

    def _go_on(self, pair: Pair) -> None:
        following = self._next_open(pair.showing)
        self._changed(pair.showing, following or pair.showing)
        if following is None:
            self._frame.report(f"All pairs are judged: {self._frame.key('app.back')} shows which model is better.")

    def action_take_back(self, again: bool) -> None:
        """Undo or redo of a preference, beside that of a judgement."""
        models, run = self._comparison.models, self._frame.session.run
        if models is None:
            return
        showing, done = undo.take_back(run, pairs.lines(run, *models), self._in_words, again=again)
        if showing is None:
            self.tell(done)
        else:
            self._changed(showing, showing, done)

    def action_reveal(self) -> None:
        """Names from here on; what is said from now on is not blind."""
        self._revealed = True
        self._frame.refresh_rail()
        self._show_all(self.current.showing if self.current else None)
        self._frame.say_next()
